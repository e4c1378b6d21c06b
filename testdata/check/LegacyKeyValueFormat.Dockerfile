FROM alpine:3.20
ENV MODE fast
LABEL mode fast
ENV OTHER=fast
