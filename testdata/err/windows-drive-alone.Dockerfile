# escape=`
FROM scratch
COPY a C:
