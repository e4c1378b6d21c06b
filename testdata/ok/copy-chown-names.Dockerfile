FROM alpine:3.20
COPY --chown=app a /a
COPY --chown=app:staff --link b /b
COPY --chown=:7 c /c
COPY --chown=5: d /d
