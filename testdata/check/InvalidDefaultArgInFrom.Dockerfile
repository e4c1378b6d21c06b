ARG TAG
ARG DIGEST=latest
FROM alpine:${TAG} AS one
FROM alpine:${DIGEST}
