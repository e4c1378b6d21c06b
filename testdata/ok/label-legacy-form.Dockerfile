FROM alpine:3.20
LABEL name the rest is "one" value
