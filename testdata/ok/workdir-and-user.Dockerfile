ARG BASE=busybox

FROM $BASE
WORKDIR /a
WORKDIR b/../c
RUN echo $PWD > pwd
USER app
RUN id -u > /tmp/uid
USER 0:0
WORKDIR $HOME/x
