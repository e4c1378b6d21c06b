FROM scratch
ADD --keep-git-dir=false https://example.com/r.git?keep-git-dir=1 /b
