# No step has a time, so it may be in any year.
FROM alpine:3.20
