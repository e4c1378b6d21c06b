FROM alpine:3.20
ARG EMPTY=
ENV A="${PATH:?must be set}" B="${EMPTY?may be empty}"
