FROM scratch AS when
ADD --checksum=sha256:1 https://example.com/f /f
FROM alpine
