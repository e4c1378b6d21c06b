FROM alpine:3.20 as one
FROM one As two
FROM two AS three
