FROM alpine:3.20
WORKDIR relative
WORKDIR /absolute
WORKDIR again
