FROM scratch
ENV X=A=b
ENV $X=c
ENV $X=d
ENV A=1
RUN x
