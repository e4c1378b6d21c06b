FROM alpine:3.20
ENTRYPOINT exec "$0"
ENTRYPOINT ["run", "it"]
