FROM scratch AS when
ARG A
FROM alpine
