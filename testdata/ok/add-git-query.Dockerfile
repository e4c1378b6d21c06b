FROM scratch
ADD https://example.com/r.git?branch=b&subdir=s /branch
ADD https://example.com/r.git?tag=v1&checksum=0123456789 /tag
ADD https://example.com/r.git?ref=v2&submodules=false /no-submodules
