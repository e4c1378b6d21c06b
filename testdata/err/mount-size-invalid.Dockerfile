FROM alpine
RUN --mount=type=tmpfs,target=/t,size=1x true
