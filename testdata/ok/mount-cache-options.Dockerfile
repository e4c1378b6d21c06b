FROM busybox AS seed
FROM alpine:3.20
RUN --mount=type=cache,target=/c true
RUN --mount=type=cache,target=/c,id=i,sharing=private,ro true
RUN --mount=type=cache,target=/c/,from=seed,source=/home,sharing=locked true
RUN --mount=type=cache,target=/c,mode=1777,uid=5 --mount=type=cache,target=/d,gid=6,sharing=shared true
