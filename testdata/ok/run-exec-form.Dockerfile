ARG BASE=busybox

FROM $BASE
RUN ["echo", "quoted \"word\"", "$NOT_EXPANDED"]
RUN ["/bin/sh", "-c", "echo $HOME > /h"]
