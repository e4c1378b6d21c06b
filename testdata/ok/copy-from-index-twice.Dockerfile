# An image that RUN reads from has a number, and one more each time that COPY finds it by its number.
FROM scratch AS first
FROM alpine:3.20
RUN --mount=from=busybox,target=/o true
COPY --from=2 /c /d
COPY --from=3 /e /f
