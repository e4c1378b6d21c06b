# BuildKit looks up the last one first.
FROM example.org/UPPER/one AS one
FROM example.org/UPPER/two
COPY --from=example.org/UPPER/three /a /b
