FROM alpine:3.20
ADD https://exämple.com/r.git#main:sub /d/
ADD https://h.example/a%20b.git?ref=v1 /e/
ADD https://h.example/c.git? /f/
