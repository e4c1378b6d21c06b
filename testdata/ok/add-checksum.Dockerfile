FROM scratch
ADD --checksum=sha256:3333333333333333333333333333333333333333333333333333333333333333 https://example.com/a.tgz /a/
ADD --checksum=89abcdef89abcdef89abcdef89abcdef89abcdef https://example.com/r.git#v1 /r
