FROM alpine:3.20 AS parent
ONBUILD RUN echo "in the child"
ONBUILD COPY --from=busybox /bin/busybox /bin/
FROM parent AS child
RUN echo last
FROM child
