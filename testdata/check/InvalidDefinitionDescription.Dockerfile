# check=experimental=InvalidDefinitionDescription
# the version
ARG VERSION=3.20

# base is what everything builds on
FROM alpine:${VERSION} AS base

# tools
FROM base AS other
