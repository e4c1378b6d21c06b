ARG BASE=busybox

ARG PORT=8080
FROM $BASE
ARG PORT
ARG WHO=app
ARG DIR=/srv/data
WORKDIR $DIR
COPY --chown=$WHO:${WHO} --chmod=${MODE:-640} <<EOF $DIR/f
port $PORT
EOF
EXPOSE $PORT
VOLUME $DIR
STOPSIGNAL SIG${UNSET:-TERM}
USER $WHO
LABEL port=$PORT
ENV LISTEN=:$PORT
RUN --mount=type=cache,target=/cache,id=c-$WHO cat f > /tmp/f
