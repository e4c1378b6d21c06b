FROM alpine:3.20
ENV NAME the rest  is "one" value
ENV OTHER $NAME
