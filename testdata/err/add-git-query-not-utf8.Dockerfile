FROM scratch
ADD https://example.com/r.git?ref=%ff /r
