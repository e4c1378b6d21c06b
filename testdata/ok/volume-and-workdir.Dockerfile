ARG BASE=busybox

FROM $BASE
VOLUME ["/v one", "/v2"]
VOLUME /v3 /v4
WORKDIR /v3/sub
RUN echo kept > /v3/sub/f
