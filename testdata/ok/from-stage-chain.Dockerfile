ARG BASE=busybox

FROM $BASE AS a
RUN echo a > /a
FROM a AS b
RUN echo b > /b
FROM b AS c
RUN cat /a /b > /c
FROM c
