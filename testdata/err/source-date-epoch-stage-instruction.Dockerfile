FROM scratch AS when
ADD https://example.com/f /f
RUN true
FROM alpine
