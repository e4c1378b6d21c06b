FROM alpine:3.20
RUN cat <<EOF > /f && echo done
the shell reads this
EOF
RUN ["cat", "<<EOF"]
