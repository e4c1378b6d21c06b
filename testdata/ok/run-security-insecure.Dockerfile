FROM alpine:3.20
RUN --security=insecure true
RUN --security=sandbox true
