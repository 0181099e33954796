# One file in an empty image: no shell, no package manager, no library that could be out of date.
#
#   docker build -t iggyctl .
#   docker run --rm iggyctl --version
#
# For the operator, the chart charts/iggyctl-operator runs it. There is no /tmp in it: what has to
# write files (certificates of Iggy servers, smoke tests) needs one, as in
#
#   docker run --rm --read-only --tmpfs /tmp iggyctl smoke --server embedded

FROM rust:1.95-bookworm AS build
WORKDIR /source
COPY . .
# The target has to be named: without it the flag would be for build scripts and macros, too, which
# cannot be static.
RUN target="$(rustc -vV | sed -n 's/^host: //p')" \
    && RUSTFLAGS="-C target-feature=+crt-static" cargo build --locked --release --bin iggyctl --target "$target" \
    && install -D "target/$target/release/iggyctl" /image/iggyctl

FROM scratch
LABEL org.opencontainers.image.title="iggyctl" \
      org.opencontainers.image.description="Topology-as-code for Apache Iggy" \
      org.opencontainers.image.source="https://github.com/iggyctl/iggyctl" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /image/iggyctl /iggyctl
# A number, since there is no file with names, and since Kubernetes refuses a name where it has to
# know that it is not root.
USER 65532:65532
ENTRYPOINT ["/iggyctl"]
