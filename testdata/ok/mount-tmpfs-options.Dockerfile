FROM alpine:3.20
RUN --mount=type=tmpfs,target=/t true
RUN --mount=type=tmpfs,target=/t,size=2g true
