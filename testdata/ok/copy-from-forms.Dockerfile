ARG BASE=busybox

FROM $BASE AS Named
RUN mkdir -p /out/dir && echo f > /out/f && echo g > /out/dir/g
FROM $BASE
COPY --from=named /out/f /by-name
COPY --from=0 /out /by-index
COPY --from=named /out/dir /out/f /several/
COPY --from=named --link --chown=5:6 /out/f /linked
