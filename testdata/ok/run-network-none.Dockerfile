ARG BASE=busybox

FROM $BASE
RUN --network=none echo alone > /f
RUN --network=default echo default > /g
