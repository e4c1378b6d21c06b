FROM alpine:3.20
COPY a /d
COPY a /d/
COPY a/ d
COPY a/ ./d/.
COPY a/. .
