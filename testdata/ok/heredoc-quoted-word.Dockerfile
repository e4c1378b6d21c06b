FROM alpine:3.20
ARG NAME=value
COPY <<EOF /expanded
$NAME \$NAME
EOF
COPY <<'EOF' /single
$NAME \$NAME
EOF
COPY <<"EOF" /double
$NAME \$NAME
EOF
