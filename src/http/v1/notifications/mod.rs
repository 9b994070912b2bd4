//! What people are told: notifications, rules, templates.

mod listing;
mod rules;
mod templates;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// All of them.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().merge(listing::routes()).merge(rules::routes()).merge(templates::routes())
}

pub use self::listing::NotificationBody;
