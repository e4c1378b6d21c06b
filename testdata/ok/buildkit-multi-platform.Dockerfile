FROM alpine:3.20
RUN echo "the step's name begins with the platform"
