ARG BASE=busybox

FROM $BASE
ARG A=x.tar.gz
ARG B=${A%.gz}
ARG C=${B:+${A##*.}-${UNSET:-${B%%.*}}}
ENV OUT="${C}" LIST="${A//[.]/_}" CUT="${A/#x/y}" END="${A/%gz/xz}"
RUN echo "$OUT $LIST $CUT $END" > /out
