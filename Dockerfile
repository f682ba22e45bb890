FROM golang:1.26.8@sha256:6c2a5538f964f1c82f97ad14988bf05de100d922d159d0e398b54c7b0ca0c6c9 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w -X main.version=${VERSION}" -o /cancelbot .
# The journal's place, owned by the user that the bot runs as; certificates; and
# a place for what is temporary.
RUN mkdir -p /data /image/etc/ssl/certs /image/tmp && chmod 1777 /image/tmp \
	&& cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/

# Nothing else, and no shell. A release's image is the same, made without a
# container engine (.ci/release/image.go).
FROM scratch
COPY --from=build /image /
COPY --from=build --chown=65532:65532 /data /data
COPY --from=build /cancelbot /cancelbot
USER 65532:65532
WORKDIR /data
VOLUME /data
ENV DATABASE_URL=sqlite:/data/cancelbot.db
ENV HTTP_ADDR=127.0.0.1:8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["/cancelbot", "healthcheck"]
ENTRYPOINT ["/cancelbot"]
