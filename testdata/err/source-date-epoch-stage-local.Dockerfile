FROM scratch AS when
ADD f /f
FROM alpine
