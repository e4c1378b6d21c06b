FROM alpine
ADD https://example.com/r.git?rev=1 /r
