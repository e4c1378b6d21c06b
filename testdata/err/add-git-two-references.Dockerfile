FROM alpine
ADD https://example.com/r.git?ref=a#b /r
