ARG BASE=busybox

FROM $BASE
ENV OLD form with spaces
ENV A=1 B="two words" C=three\ words
ENV PATH=$PATH:/opt/bin
LABEL one=1 "two words"="v w" three='3'
LABEL old style label
