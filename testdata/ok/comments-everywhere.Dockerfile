ARG BASE=busybox

# one
  # indented
FROM $BASE

RUN echo a \
# comment in the middle
  # and another
 && echo b > /b
# last
