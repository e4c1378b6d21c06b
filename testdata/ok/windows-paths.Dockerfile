# escape=`
FROM scratch
WORKDIR C:\app
WORKDIR sub/dir
COPY a b\c .\to\
COPY d C:\other
RUN echo %PATH%
SHELL ["powershell"]
CMD run
VOLUME C:\data
