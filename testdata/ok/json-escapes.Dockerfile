FROM alpine:3.20
RUN ["a\b\f\n\r\t\u00e9\ud83d\ude00\/\\\"z", "\u0041"]
CMD [ ]
