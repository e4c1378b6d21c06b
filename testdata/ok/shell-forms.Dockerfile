ARG BASE=busybox

FROM $BASE
RUN echo shell form > /s
RUN ["/bin/sh", "-c", "echo exec form > /e"]
SHELL ["/bin/sh", "-e", "-c"]
RUN echo other shell > /o
CMD echo shell command
ENTRYPOINT exec sleep 1
