FROM alpine:3.20
ARG no_proxy
RUN echo "declared: $no_proxy, kept out of the cache key: $HTTPS_PROXY"
ENV FTP_PROXY=own
RUN echo "$FTP_PROXY"
