# The name of a step tells both platforms, as far as the stage knows the second one.
FROM --platform=$BUILDPLATFORM alpine:3.20 AS whole
ARG TARGETPLATFORM
RUN one
FROM --platform=$BUILDPLATFORM alpine:3.20 AS architecture
ARG TARGETARCH
RUN two
FROM --platform=$BUILDPLATFORM alpine:3.20 AS variant
ARG TARGETARCH TARGETVARIANT
RUN three
FROM --platform=$BUILDPLATFORM alpine:3.20 AS system
ARG TARGETOS
RUN four
FROM scratch
COPY --from=whole /a /a
COPY --from=architecture /b /b
COPY --from=variant /c /c
COPY --from=system /d /d
