FROM scratch
ADD https://github.com/example/repo.git#main:docs /docs
ADD --checksum=0123456789012345678901234567890123456789 https://github.com/example/repo.git?tag=v1 /tag
ADD https://example.com/a https://example.com/b /several/
ADD --unpack https://example.com/x.tar.gz /unpacked
ADD --chown=1:2 https://example.com/file?query=1 /named
