# escape=`
ARG BASE=busybox
FROM $BASE
RUN echo one `
  > /one
ENV P=a`$b Q=c\d
