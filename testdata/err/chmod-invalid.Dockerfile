FROM alpine
COPY --chmod=rwx a /a
