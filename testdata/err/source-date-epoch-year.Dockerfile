FROM alpine AS parent
ENV A=1
FROM parent
