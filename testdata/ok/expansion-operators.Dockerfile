ARG BASE=busybox

FROM $BASE
ARG V=/usr/local/lib.tar.gz
ENV D=${UNSET:-default} E=${V:+set} F=${UNSET-fallback} G=${V+also} \
    S=${V#*/} SS=${V##*/} P=${V%.*} PP=${V%%.*} R=${V/local/share} RR=${V//l/L} \
    Q="a \"quoted\" $V" L='lit $V' X=\$V N=${UNSET:-${V##*/}}
RUN env > /env
