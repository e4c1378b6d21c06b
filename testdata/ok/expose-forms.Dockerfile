ARG BASE=busybox

FROM $BASE
ARG P=90
EXPOSE 80 81/udp 82-84/tcp $P ${P}1/sctp
