ARG BASE=busybox
FROM $BASE AS build
RUN echo static > /binary && chmod 755 /binary
FROM scratch
COPY --from=build /binary /
ENTRYPOINT ["/binary"]
