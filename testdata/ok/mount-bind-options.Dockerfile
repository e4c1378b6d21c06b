FROM busybox AS tools
FROM alpine:3.20
RUN --mount=target=/a true
RUN --mount=type=bind,dst=/a,src=s,ro true
RUN --mount=type=bind,destination=/a,source=/s/../t,readonly=false true
RUN --mount=type=bind,target=/a,from=tools,rw=true --mount=from=busybox,source=x,target=b,readwrite true
