FROM alpine
RUN --mount=type=ssh,sharing=locked true
