FROM alpine:3.20
ADD https://example.com/file.tar.gz /dl/
ADD --checksum=sha256:2222222222222222222222222222222222222222222222222222222222222222 --chmod=600 https://example.com/pinned /dl/pinned
ADD --keep-git-dir=true https://github.com/example/repo.git#v1.2:sub /src
ADD git@github.com:example/private.git /private
