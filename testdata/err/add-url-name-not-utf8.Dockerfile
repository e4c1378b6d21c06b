FROM scratch
ADD https://example.com/%ff /f
