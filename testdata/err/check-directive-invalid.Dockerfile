# check=skip=all;errors=true
FROM alpine:3.20
