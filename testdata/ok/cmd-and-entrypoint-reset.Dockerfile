ARG BASE=busybox

FROM $BASE AS first
CMD ["one"]
ENTRYPOINT ["entry"]
FROM first
CMD echo shell
ENTRYPOINT ["other", "two"]
