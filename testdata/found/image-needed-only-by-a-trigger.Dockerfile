FROM alpine
COPY --from=busybox /a /b
# ONBUILD COPY --from=0 /x /y
FROM example.org/img/onbuild-434f5059202d2d66726f6d3d30202f78202f79
