FROM alpine
RUN --mount=target=/t,source true
