FROM scratch
ADD https://example.com/%ff.git /r
