FROM alpine
RUN --mount=target=/t,ro=maybe true
