# The image of a release, from binaries that are built already. ../Dockerfile
# builds the same from source.
FROM gcr.io/distroless/static-debian12:nonroot
ARG TARGETPLATFORM
COPY $TARGETPLATFORM/cancelbot /cancelbot
USER 65532:65532
WORKDIR /data
VOLUME /data
ENV DATABASE_URL=sqlite:/data/cancelbot.db
ENV HTTP_ADDR=127.0.0.1:8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["/cancelbot", "healthcheck"]
ENTRYPOINT ["/cancelbot"]
