ARG BASE=busybox

FROM $BASE
MAINTAINER Someone <someone@example.com>
EXPOSE 80 443/tcp 53/udp 8000-8002
VOLUME /data ["/more"]
VOLUME ["/json", "/list"]
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=1m30s --start-period=5s --start-interval=1s --retries=4 CMD ["true"]
ENTRYPOINT ["/bin/echo"]
CMD ["hello"]
