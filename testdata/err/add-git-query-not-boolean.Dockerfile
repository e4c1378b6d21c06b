FROM alpine
ADD https://example.com/r.git?submodules=maybe /r
