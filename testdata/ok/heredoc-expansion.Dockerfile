ARG BASE=busybox

FROM $BASE
ARG NAME=value
COPY <<EOF <<'RAW' <<-TAB /files/
expanded $NAME ${NAME:+yes} \$escaped
EOF
raw $NAME \$kept
RAW
	tab $NAME
	TAB
