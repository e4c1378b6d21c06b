FROM alpine:3.20
ARG U=1000
USER $U:${G:-100}
WORKDIR /made-for-the-user
COPY f /f
