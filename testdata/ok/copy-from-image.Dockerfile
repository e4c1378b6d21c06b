FROM scratch
COPY --from=busybox:latest /bin/busybox /busybox
COPY --from=alpine:3.20 /etc/os-release /etc/
