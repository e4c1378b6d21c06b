ARG BASE=busybox

FROM $BASE
RUN --mount=type=secret,id=absent test ! -e /run/secrets/absent && echo optional > /f
