# check=skip=JSONArgsRecommended,StageNameCasing
FROM alpine:3.20 AS Upper
CMD echo hello
