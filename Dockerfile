# syntax=docker/dockerfile:1
# The server as an image: `docker build -t orderwire .`, then `docker run -p 8080:8080 orderwire`.

FROM rust:1-bookworm AS build
WORKDIR /build
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --locked --profile dist --bin orderwire && cp target/dist/orderwire /orderwire

FROM debian:bookworm-slim
# Partners are reached over TLS, and known by the certificates of these authorities.
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --user-group --create-home --home-dir /var/lib/orderwire orderwire
COPY --from=build /orderwire /usr/local/bin/orderwire

# Inside a container the loopback address would reach nobody.
ENV ORDERWIRE_HTTP__LISTEN=0.0.0.0:8080 \
    ORDERWIRE_DATA_DIR=/var/lib/orderwire \
    ORDERWIRE_LOG__FORMAT=json
USER orderwire
WORKDIR /var/lib/orderwire
VOLUME /var/lib/orderwire
EXPOSE 8080
STOPSIGNAL SIGTERM

# Ready means that the store answers and that no shutdown is under way. The shell asks itself: the image has no HTTP client.
HEALTHCHECK --interval=5s --timeout=4s --start-period=30s --retries=3 \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /readyz HTTP/1.0\\r\\n\\r\\n' >&3 && head -n 1 <&3 | grep -q ' 200 '"]

ENTRYPOINT ["orderwire"]
CMD ["serve"]
