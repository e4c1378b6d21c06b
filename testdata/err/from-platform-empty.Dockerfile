ARG PLATFROM=linux/amd64
FROM --platform=$PLATFORM alpine
