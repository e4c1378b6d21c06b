FROM alpine AS build
FROM alpine
COPY --from=biuld_ /a /b
