ARG BASE=busybox

FROM $BASE
SHELL ["/bin/sh", "-x", "-c"]
RUN echo traced > /t
SHELL ["/bin/sh", "-c"]
CMD echo plain
HEALTHCHECK CMD true
