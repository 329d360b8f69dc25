# The service in a container: one binary on a base that has a C library, certificates and nothing
# more, so there is no shell in it to be used by anybody.
#
#   docker build -t doorward .
#   docker run --rm -p 3667:3667 -v "$PWD/policies:/etc/doorward/policies:ro" \
#     -v "$PWD/entities:/etc/doorward/entities:ro" -v doorward:/var/lib/doorward doorward
#
# The data plane listens on every address, because a container is reached from outside. The admin
# plane stays on the container's own loopback until a token file is given for it:
#
#   docker run … -p 127.0.0.1:3668:3668 -v "$PWD/admin.tokens:/run/secrets/admin:ro" \
#     -e DOORWARD_ADMIN_LISTEN=0.0.0.0:3668 -e DOORWARD_ADMIN_TOKEN_FILE=/run/secrets/admin doorward

FROM rust:1.95-bookworm AS build
WORKDIR /build
COPY . .
RUN cargo build --release --locked --bin doorward && mkdir -p /image/var/lib/doorward

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /build/target/release/doorward /usr/local/bin/doorward
COPY --from=build --chown=nonroot:nonroot /image/var/lib/doorward /var/lib/doorward

# `serve` takes ./policies and ./entities from here if they are there. Without them it waits, not
# ready, for a bundle over the admin plane.
WORKDIR /etc/doorward
ENV DOORWARD_LISTEN=0.0.0.0:3667 \
    DOORWARD_DATA_DIR=/var/lib/doorward
VOLUME /var/lib/doorward
EXPOSE 3667 3668
USER nonroot

HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["/usr/local/bin/doorward", "health"]
ENTRYPOINT ["/usr/local/bin/doorward"]
CMD ["serve"]
