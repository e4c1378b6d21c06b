FROM scratch
ADD https://example.com/dir/file.txt /folder/
ADD --chmod=600 --chown=1:2 --link https://example.com/dir/file.txt /renamed
ADD https://example.com/dir/ /no-name/
