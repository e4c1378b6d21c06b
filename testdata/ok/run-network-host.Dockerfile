FROM alpine:3.20
RUN --network=host true
RUN --network=default echo "the build's own"
