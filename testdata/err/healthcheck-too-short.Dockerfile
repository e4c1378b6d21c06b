FROM alpine
HEALTHCHECK --timeout=999us CMD true
