FROM alpine:3.20 AS build
FROM alpine:3.20 AS other
FROM alpine:3.20 AS BUILD
