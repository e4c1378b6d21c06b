FROM alpine
RUN --mount=target=/c,mode=0700 true
