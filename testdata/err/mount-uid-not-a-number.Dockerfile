FROM alpine
RUN --mount=type=cache,target=/c,uid=root true
