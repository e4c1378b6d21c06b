FROM alpine
ADD https://example.com/r.git?mtime=now /r
