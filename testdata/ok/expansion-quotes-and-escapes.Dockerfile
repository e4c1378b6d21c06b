FROM alpine:3.20
ARG V=v
ENV A='$V' B="$V" C=\$V D="\$V" E=a\ b F="a\b" G='a\b' H="'$V'" I='"'"$V"'"'
