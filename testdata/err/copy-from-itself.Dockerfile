FROM alpine AS a
COPY --from=a /a /b
