FROM example.org/img/missing
