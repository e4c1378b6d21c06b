ARG BASE=busybox

FROM $BASE
CMD ["one"]
ENTRYPOINT ["entry"]
FROM 0
CMD echo shell
ENTRYPOINT ["other", "two"]
