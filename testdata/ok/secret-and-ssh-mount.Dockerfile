FROM alpine:3.20
RUN --mount=type=secret,id=token,target=/run/token,mode=0440,uid=1,gid=2,required cat /run/token
RUN --mount=type=secret,id=token,env=TOKEN true
RUN --mount=type=ssh ssh-add -l
RUN --mount=type=ssh,id=other,target=/tmp/agent,required true
