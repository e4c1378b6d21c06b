# escape=`
FROM scratch
WORKDIR D:\app
