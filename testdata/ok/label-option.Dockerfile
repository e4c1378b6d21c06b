FROM alpine:3.20
LABEL a=file b=file
