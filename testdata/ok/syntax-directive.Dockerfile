# syntax=docker/dockerfile:1.7-labs
# Bob speaks the language itself: no frontend is fetched.
FROM alpine:3.20
RUN true
