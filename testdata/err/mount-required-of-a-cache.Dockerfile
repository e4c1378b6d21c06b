FROM alpine
RUN --mount=type=cache,target=/t,required true
