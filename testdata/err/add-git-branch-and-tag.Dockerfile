FROM alpine
ADD https://example.com/r.git?branch=a&tag=b /r
