FROM alpine:3.20
RUN --mount=type=ssh true
RUN --mount=type=ssh,id=key,target=/sock,mode=0666,uid=3,gid=4,required=true true
