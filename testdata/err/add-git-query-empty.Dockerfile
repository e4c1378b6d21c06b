FROM alpine
ADD https://example.com/r.git?ref /r
