ARG BASE=busybox

FROM $BASE
RUN --mount=type=cache,target=/var/cache/a,id=a,sharing=locked echo a > /var/cache/a/f
RUN --mount=type=cache,target=/var/cache/b,uid=1000,gid=1001,mode=0750 ls -ld /var/cache/b > /listing
