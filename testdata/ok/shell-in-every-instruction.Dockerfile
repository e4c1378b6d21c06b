FROM alpine:3.20 AS one
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
RUN a | b
CMD c | d
ENTRYPOINT e | f
HEALTHCHECK CMD g | h
FROM one
RUN i
SHELL [""]
RUN j
