ARG BASE=busybox

FROM $BASE AS first
HEALTHCHECK --interval=1m --timeout=3s --retries=2 CMD echo ok || exit 1
FROM first
HEALTHCHECK --start-period=1s500ms CMD ["/bin/true"]
