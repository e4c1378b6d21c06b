FROM alpine:3.20
ARG SOURCE_DATE_EPOCH
RUN echo "an image has no time: [$SOURCE_DATE_EPOCH]"
