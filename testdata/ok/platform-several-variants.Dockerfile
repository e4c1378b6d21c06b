FROM --platform=linux/arm64 alpine:3.20 AS arm
FROM alpine:3.20
COPY --from=arm /etc/os-release /arm-release
