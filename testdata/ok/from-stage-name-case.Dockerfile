# Names of stages are kept in lower case. FROM takes them as they are kept, COPY --from in any case.
FROM alpine:3.20 AS One
RUN touch /f
FROM one AS two
COPY --from=ONE /f /g
