ARG BASE=busybox

FROM $BASE
WORKDIR /home
ARG T=/mnt/t
RUN --mount=type=tmpfs,target=$T/b --mount=type=tmpfs,target=relative --mount=type=tmpfs,target=$T/a ls /mnt/t /home > /tmp/l
