FROM alpine:3.20
ARG UNSET
ENV A=[$UNSET] B=[${UNSET:-default}]
