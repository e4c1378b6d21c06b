FROM alpine AS a
VOLUME ${A}
