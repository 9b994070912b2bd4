//! The `/v1` routes.

mod contacts;
mod credentials;
mod endpoints;
mod inbox;
mod mappings;
mod notifications;
mod orders;
mod partners;
mod schemas;
mod stores;
mod token;
mod webhooks;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// All of them.
pub fn routes(webhook_body_limit: usize) -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(orders::routes())
        .merge(stores::routes())
        .merge(token::routes())
        .merge(schemas::routes())
        .merge(inbox::routes())
        .merge(mappings::routes())
        .merge(partners::routes())
        .merge(credentials::routes())
        .merge(endpoints::routes())
        .merge(contacts::routes())
        .merge(notifications::routes())
        .merge(webhooks::routes(webhook_body_limit))
}
