# A comment
FROM alpine:3.20

RUN echo one \
    # between
    && echo two \

    && echo three
