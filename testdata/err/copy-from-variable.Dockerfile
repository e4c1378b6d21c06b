ARG A=a
FROM alpine
COPY --from=$A /a /b
