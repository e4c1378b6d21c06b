FROM base
COPY --from=files /f /f
