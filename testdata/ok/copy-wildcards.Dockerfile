FROM alpine:3.20
COPY *.txt a?c [xy]z /d/
COPY d*/f[0-9] /e/
COPY ["a*", "/g/"]
