FROM alpine:3.20 AS p
ONBUILD RUN echo ¸
FROM p
