ARG BASE=busybox

FROM $BASE
RUN cat /etc/hosts > /tmp/hosts
