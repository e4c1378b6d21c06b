FROM scratch
ADD --unpack=true https://example.com/a.tar /unpacked/
ADD --unpack=false a.tar /kept/
ADD a.tar.gz /as-ever/
