FROM alpine AS when
ADD https://example.com/f /f
FROM alpine
