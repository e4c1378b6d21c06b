# check=error=true
FROM alpine:3.20 AS Upper
CMD echo hello
