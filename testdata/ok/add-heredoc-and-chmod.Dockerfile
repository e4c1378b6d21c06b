ARG BASE=busybox

FROM $BASE
ADD --chmod=755 <<script /usr/local/bin/run
#!/bin/sh
echo run
script
ADD --link --chown=5:6 <<EOF /etc/linked
linked
EOF
RUN /usr/local/bin/run > /ran
