FROM alpine:3.20
ARG EMPTY=
ENV A=[${EMPTY:-d}] B=[${EMPTY-d}] C=[${EMPTY:+d}] D=[${EMPTY+d}] E=[${UNSET:+d}] F=[${UNSET+d}]
