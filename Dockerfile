# twinstream in a container: one executable, no shell, no root.
#
#   docker build -t twinstream .
#   docker run -p 8080:8080 -v twinstream:/data -v ./twinstream.toml:/twinstream.toml:ro \
#       -e TWINSTREAM_WEBHOOK_TOKEN twinstream serve --config /twinstream.toml
#
# The admin listener answers inside the container alone (127.0.0.1:9400), which is all that the health
# check needs. To reach it from outside, set TWINSTREAM__ADMIN__LISTEN=0.0.0.0:9400 and admin.token.

FROM rust:1.95-slim-bookworm AS build
WORKDIR /build
# The image has this toolchain; rust-toolchain.toml stays out, since it would fetch clippy and rustfmt.
ENV RUSTUP_TOOLCHAIN=1.95.0

# Dependencies first: this layer changes with Cargo.lock alone, and is nearly all of the build.
COPY Cargo.toml Cargo.lock ./
COPY .cargo/config.toml .cargo/config.toml
# Cargo.toml names the benchmarks; they are not built here.
COPY benches benches
RUN mkdir src \
    && touch src/lib.rs \
    && echo 'fn main() {}' > src/main.rs \
    && cargo build --release --locked

COPY config config
COPY docs docs
COPY askama.toml ./
COPY src src
# COPY keeps the times of the files, which may be older than the empty crate just built.
RUN touch src/lib.rs src/main.rs \
    && cargo build --release --locked \
    && mkdir -p /volume/data

FROM gcr.io/distroless/cc-debian12:nonroot
LABEL org.opencontainers.image.title="twinstream" \
      org.opencontainers.image.description="One server for Auth0 Event Streams, by webhook and by EventBridge" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY --from=build /build/target/release/twinstream /twinstream
# A volume takes the owner of the folder that it is laid over: nonroot, or the journal can't be made.
COPY --from=build --chown=65532:65532 /volume/ /
USER 65532:65532
# A path inside the container would be gone with it: the journal goes to the volume.
ENV TWINSTREAM__JOURNAL__PATH=/data/journal.db
VOLUME /data
# The webhook door, and health, metrics and API.
EXPOSE 8080 9400
# Asks /readyz: whether the doors are open and the journal can commit.
HEALTHCHECK --interval=10s --timeout=5s --start-period=15s --retries=3 CMD ["/twinstream", "healthcheck"]
# The doors close, what is under way ends, the journal is closed; a matter of seconds.
STOPSIGNAL SIGTERM
ENTRYPOINT ["/twinstream"]
CMD ["serve"]
