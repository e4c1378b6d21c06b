FROM alpine:3.20
COPY --parents a/b/./c/d /x/
COPY --parents ./a/b /y/
COPY --parents a/b/. c/./d/./e /z/
