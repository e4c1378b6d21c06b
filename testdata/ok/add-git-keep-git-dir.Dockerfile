FROM scratch
ADD --keep-git-dir https://example.com/r.git /a
ADD --keep-git-dir=false https://example.com/r.git /b
ADD https://example.com/r.git?keep-git-dir=true /c
