FROM alpine:3.20
RUN --mount=type=cache,target=/c --mount=type=cache,id=named,target=/n true
