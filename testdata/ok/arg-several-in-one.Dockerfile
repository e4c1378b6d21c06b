ARG BASE=busybox

FROM $BASE
ARG A=1 B="two words" C
RUN echo "$A-$B-$C" > /args
