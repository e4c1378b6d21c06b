FROM alpine:3.20 AS parent
ONBUILD RUN touch /a
ONBUILD COPY --from=child /a /b
FROM parent AS child
RUN true
