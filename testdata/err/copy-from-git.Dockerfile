FROM alpine
COPY https://example.com/r.git /r
