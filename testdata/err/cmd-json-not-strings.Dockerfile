FROM alpine
CMD ["a", false, null]
