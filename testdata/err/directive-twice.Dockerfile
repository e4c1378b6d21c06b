# escape=\\
# escape=`
FROM alpine
