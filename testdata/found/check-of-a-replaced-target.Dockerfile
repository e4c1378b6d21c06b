FROM alpine AS x
ENV A=1
RUN a
COPY b c
FROM x
COPY --from=x /a /b
