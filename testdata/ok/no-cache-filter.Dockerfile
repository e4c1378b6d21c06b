FROM alpine:3.20 AS one
RUN echo one
FROM one AS two
RUN echo two
