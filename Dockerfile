# syntax=docker/dockerfile:1
# AtomicQMS in a container: one binary, one volume, no git and no shell tools needed at run time.
#   docker build -t atomicqms .
#   docker run -p 3001:3001 -p 2222:2222 -v atomicqms:/data atomicqms

FROM rust:1.95-slim-trixie AS build
WORKDIR /src
# Line tables are for people who profile; a container's backtraces keep their function names without them.
ENV CARGO_PROFILE_RELEASE_DEBUG=false \
    CARGO_PROFILE_RELEASE_STRIP=debuginfo \
    CARGO_INCREMENTAL=0
COPY . .
# The caches live in the builder, not in the image: a second build compiles only what changed.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --package atomicqms --bin atomicqms \
    && install -D target/release/atomicqms /out/atomicqms

FROM debian:trixie-slim
LABEL org.opencontainers.image.title="AtomicQMS" \
      org.opencontainers.image.description="Self-hosted quality management whose documents live in git" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
# A number, so that orchestrators can check that it is not root without reading /etc/passwd.
RUN install -d -o 10001 -g 10001 -m 0750 /data
COPY --from=build /out/atomicqms /usr/local/bin/atomicqms
USER 10001:10001
ENV ATOMICQMS_DATA_DIR=/data \
    ATOMICQMS_HTTP_ADDR=0.0.0.0:3001 \
    ATOMICQMS_SSH_ADDR=0.0.0.0:2222
VOLUME /data
EXPOSE 3001 2222
# SIGTERM lets running pushes finish; see server.shutdown_grace_seconds.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 CMD ["atomicqms", "healthcheck"]
ENTRYPOINT ["atomicqms"]
CMD ["serve"]
