FROM alpine:3.20 AS Base
FROM alpine:3.20 AS tools
