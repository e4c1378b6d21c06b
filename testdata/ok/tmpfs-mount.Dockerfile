ARG BASE=busybox

FROM $BASE
RUN --mount=type=tmpfs,target=/t,size=1m echo gone > /t/f && cat /t/f > /seen
