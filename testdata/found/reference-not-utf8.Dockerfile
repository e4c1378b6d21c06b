FROM alpine
ADD https://g.example/a.git?ref=%ff /
