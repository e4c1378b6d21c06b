FROM alpine
RUN --mount=type=bogus \
    echo several \
    lines
