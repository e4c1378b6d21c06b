FROM alpine
COPY --chmod=17777 a /a
