ARG BASE=busybox

FROM $BASE
ONBUILD ADD f /f
ONBUILD COPY --from=other /x /x
ONBUILD RUN --mount=type=cache,target=/c true
ONBUILD ENV A=b
ONBUILD ENTRYPOINT ["x"]
