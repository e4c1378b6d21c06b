# escape=`
FROM scratch
WORKDIR \\server\share
