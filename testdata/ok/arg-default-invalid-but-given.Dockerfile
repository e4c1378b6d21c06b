ARG TAG=${UNSET:?}
FROM alpine:${TAG}
