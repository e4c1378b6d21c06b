FROM alpine
RUN --mount=target=/c,sharing=locked true
