FROM alpine
ADD https://example.com/r.git?ref=a&ref=a /r
