FROM --platform=linux/amd64 alpine:3.20
FROM --platform=linux/arm64 alpine:3.20 AS tools-arm64
FROM --platform=$BUILDPLATFORM alpine:3.20
