ARG IMAGE=alpine TAG=3.20
ARG BOTH=${IMAGE}:${TAG:-latest}
FROM ${BOTH} AS one
FROM --platform=${BUILDPLATFORM} ${IMAGE:-none}
COPY --from=one /a /b
