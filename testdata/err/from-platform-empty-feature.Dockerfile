FROM --platform=windows(10.0+)/amd64 alpine
