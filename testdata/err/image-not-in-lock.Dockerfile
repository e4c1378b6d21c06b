FROM nowhere.example/none:1
