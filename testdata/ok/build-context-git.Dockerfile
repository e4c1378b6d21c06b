FROM scratch
COPY --from=source / /src
