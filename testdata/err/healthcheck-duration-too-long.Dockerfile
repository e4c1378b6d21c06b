FROM alpine
HEALTHCHECK --interval=9999999h CMD true
