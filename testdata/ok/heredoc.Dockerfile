ARG BASE=busybox

FROM $BASE
ARG WHO=world
RUN <<EOF
echo "hello $WHO" > /hello
echo second >> /hello
EOF
RUN <<-TABS cat > /tabs
	indented
	TABS
RUN <<SCRIPT
#!/bin/sh
echo script > /script
SCRIPT
COPY <<plain <<"quoted" /etc/app/
who=$WHO
plain
who=$WHO
quoted
COPY --chmod=0600 --chown=1000:1001 <<EOF /etc/secretish
kept
EOF
