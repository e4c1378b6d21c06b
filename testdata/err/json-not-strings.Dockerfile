FROM alpine
VOLUME [1, 2]
