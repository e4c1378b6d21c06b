FROM base
COPY --from=base /a /b
