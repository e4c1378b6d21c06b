FROM alpine AS one
RUN --mount=from=two,target=/t true
FROM alpine AS two
FROM one
