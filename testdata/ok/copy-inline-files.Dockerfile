FROM alpine:3.20
COPY --chmod=0755 <<one <<two /dir/
1
one
2
two
COPY a <<three b /dir/
3
three
