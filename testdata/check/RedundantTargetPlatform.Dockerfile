FROM --platform=$TARGETPLATFORM alpine:3.20 AS one
FROM --platform=${TARGETOS}/${TARGETARCH} alpine:3.20
