FROM alpine
ADD --checksum=0123456789012345678901234567890123456789 https://example.com/r.git?checksum=ffff /r
