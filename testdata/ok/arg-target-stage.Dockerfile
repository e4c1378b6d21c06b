FROM alpine:3.20 AS base
ARG TARGETSTAGE
RUN echo "$TARGETSTAGE"
FROM base AS release
