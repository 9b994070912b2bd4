//! The live protocol (`docs/live-protocol.md`): who may watch what, over WebSocket and server-sent events.

mod handshake;
mod session;
mod socket_options;
mod sse;
mod watch;
mod ws;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::App;

/// Both transports.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(ws::live)).routes(routes!(sse::events))
}
