FROM alpine:3.20
CMD echo $HOME
CMD ["echo", "$HOME"]
CMD []
