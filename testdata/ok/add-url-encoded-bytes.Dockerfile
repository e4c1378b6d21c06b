FROM scratch
ADD https://user%ff@example.com/r.git /r
ADD https://ex%ff.com/f /f
