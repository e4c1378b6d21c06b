Arg A=b FOO A1=
ARG B
FROM example.org/img/onbuild-4f4e4255494c442052554e2078 AS context
# check=error=true
ONBUILD COPY --link C:\a /a
FROM --platform=linux/386 context AS base
# a comment
USER $A
 RUN ["a", "b"]
ONBUILD CMD a.ba-b'$PATH'
