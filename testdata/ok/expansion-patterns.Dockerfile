FROM alpine:3.20
ARG P=/usr/local/lib.tar.gz
ENV A=${P#/*/} B=${P##/*/} C=${P%.*} D=${P%%.*} E=${P#nothing} F=${P%?z}
ENV G=${P/l/L} H=${P//l/L} J=${P/o*a/-} K="${P//[.]/_}" L=${P//\//:} M=${UNSET/a/b}
