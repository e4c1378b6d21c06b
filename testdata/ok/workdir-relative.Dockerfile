FROM golang:1.26
WORKDIR src
WORKDIR ../bin/./x
RUN pwd
