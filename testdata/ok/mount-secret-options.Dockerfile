FROM alpine:3.20
RUN --mount=type=secret,id=s cat /run/secrets/s
RUN --mount=type=secret,target=/etc/pw,required cat /etc/pw
RUN --mount=type=secret,id=s,dst=/p,mode=0444,uid=1,gid=2 --mount=type=secret,source=o cat /p
RUN --mount=type=secret,id=s,env=TOKEN --mount=type=secret,id=t,env=BOTH,target=/t,required=false echo $TOKEN
