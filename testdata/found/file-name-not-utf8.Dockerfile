FROM alpine
ADD https://e.example/a%ff /
