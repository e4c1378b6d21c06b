FROM scratch
ADD https://example.com/r.git#main /branch
ADD https://example.com/r.git#:sub/dir /folder
ADD git@example.com:team/r.git#v1:docs /both
ADD ssh://git@example.com:2222/team/r.git#refs/pull/1/head /reference
