FROM scratch
COPY --from=files a dir/b /files/
COPY --from=files --exclude=*.md docs /docs/
RUN --mount=from=files,target=/m ["/m/run"]
