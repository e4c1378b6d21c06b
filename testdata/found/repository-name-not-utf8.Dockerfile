FROM alpine
ADD https://g.example/%ff.git /
