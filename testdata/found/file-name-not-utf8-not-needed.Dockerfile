FROM alpine AS a
ADD https://e.example/%ff /
FROM alpine
COPY --from=a <<f /x
f
