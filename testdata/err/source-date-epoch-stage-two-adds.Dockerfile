FROM scratch AS when
ADD https://example.com/f /f
ADD https://example.com/g /g
FROM alpine
