FROM alpine:3.20
RUN <<-EOF
		echo both tabs go
	 echo and the one before a blank
	EOF
COPY <<-"RAW" /f
		$kept
	RAW
