# Names of stages are kept in lower case: there is no stage `One`, and no image can be called so.
FROM alpine:3.20 AS One
FROM One
