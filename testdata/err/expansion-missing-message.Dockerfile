FROM alpine
USER ${B?}
