FROM alpine
RUN --mount=type=cache,target=/c,mode=0900 true
