FROM alpine:3.20
ARG V=/expanded
VOLUME $V /two
VOLUME ["/json one", "$V/x"]
