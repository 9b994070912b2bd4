//! `/v1/endpoints` and `/v1/deliveries`: the restaurant's own systems, and what they were told.

mod deliveries;
mod manage;
mod replay;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// The routes of this folder.
pub fn routes() -> OpenApiRouter<App> {
    manage::routes().merge(deliveries::routes()).merge(replay::routes())
}
