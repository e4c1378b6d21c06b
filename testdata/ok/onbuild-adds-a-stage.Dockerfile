# The triggers of the base, which its name has in hex:
#   COPY --from=busybox /bin/busybox /bin/
#   RUN --mount=from=alpine:3.20,target=/m true
#   WORKDIR app
FROM example/onbuild-434f5059202d2d66726f6d3d62757379626f78202f62696e2f62757379626f78202f62696e2f-52554e202d2d6d6f756e743d66726f6d3d616c70696e653a332e32302c7461726765743d2f6d2074727565-574f524b44495220617070
RUN echo after
