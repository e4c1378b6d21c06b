# BuildKit looks up the last one first, and then the others in turn.
FROM example.org/UPPER/one AS one
FROM example.org/UPPER/two AS two
FROM alpine:3.20
