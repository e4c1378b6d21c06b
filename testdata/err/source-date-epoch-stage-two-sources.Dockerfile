FROM scratch AS when
ADD https://example.com/f https://example.com/g /g/
FROM alpine
