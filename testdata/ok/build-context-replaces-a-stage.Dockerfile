FROM alpine:3.20 AS build
RUN echo "never: the context takes this stage's place"
FROM build
COPY --from=build /a /b
