FROM alpine:3.20
COPY --link=false a /a
COPY --link=true b /b
