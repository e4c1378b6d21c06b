ARG A=a
FROM alpine
RUN --mount=from=$A,target=/t true
