FROM alpine:3.20 AS one
CMD serve --port 80
ENTRYPOINT serve
FROM one
SHELL ["/bin/bash", "-c"]
CMD serve --port 80
