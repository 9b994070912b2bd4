//! `/v1/partners`

mod audit;
mod board;
mod calls;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// The routes of this folder.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().merge(board::routes()).merge(calls::routes()).merge(audit::routes())
}
