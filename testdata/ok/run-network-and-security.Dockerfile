FROM alpine:3.20
RUN --network=none echo alone
RUN --network=host echo together
RUN --security=insecure echo privileged
