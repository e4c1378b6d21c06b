FROM alpine
RUN --security=strict true
