ARG BASE=busybox

ARG VERSION=1
ARG UNUSED=outer
FROM $BASE
ARG VERSION
ARG UNUSED=inner
ARG OPTIONAL
RUN echo "$VERSION $UNUSED ${OPTIONAL:-none}" > /args
ARG VERSION=3
RUN echo "$VERSION" >> /args
FROM $BASE
RUN echo "[$VERSION]" > /unset
COPY --from=0 /args /args
