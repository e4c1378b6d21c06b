ARG BASE=busybox

FROM $BASE
RUN <<one cat - > /one; cat <<two > /two
first
one
second
two
RUN cat <<"EOF" > /raw
$NOT_EXPANDED \n
EOF
