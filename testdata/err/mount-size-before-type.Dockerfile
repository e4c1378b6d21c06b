FROM alpine
RUN --mount=target=/t,size=1m,type=tmpfs true
