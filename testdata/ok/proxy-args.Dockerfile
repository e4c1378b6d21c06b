ARG BASE=busybox

FROM $BASE
RUN echo "${http_proxy:-none}" > /proxy
