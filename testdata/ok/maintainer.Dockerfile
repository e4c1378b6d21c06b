FROM alpine:3.20
MAINTAINER Someone $HOME <s@example.com>
