ARG BASE=busybox

FROM $BASE
LABEL a="1" \
      b='two words' \
      "c d"="e f" \
      g=$BASE
LABEL multi="line one \
line two"
