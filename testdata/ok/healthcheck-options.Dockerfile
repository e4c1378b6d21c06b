FROM alpine:3.20
HEALTHCHECK --interval=1h2m3.5s --timeout=250ms --start-period=0s --start-interval=1ms --retries=7 CMD ["true"]
