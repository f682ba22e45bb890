FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w -X main.version=${VERSION}" -o /cancelbot .
# The journal's place, owned by the user that the bot runs as.
RUN mkdir /data && chown 65532:65532 /data

# Certificates, a time zone database and a user, but no shell.
FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /cancelbot /cancelbot
COPY --from=build --chown=65532:65532 /data /data
USER 65532:65532
VOLUME /data
ENV DATABASE_URL=sqlite:/data/cancelbot.db
ENV HTTP_ADDR=127.0.0.1:8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["/cancelbot", "healthcheck"]
ENTRYPOINT ["/cancelbot"]
