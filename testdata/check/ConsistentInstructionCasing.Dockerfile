FROM alpine:3.20
run true
RUN true
Env A=1
