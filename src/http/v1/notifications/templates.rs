//! `/v1/templates`: the words, and whether they can be used.

use axum::{extract::State, http::StatusCode};
use jiff::Timestamp;
use serde::Serialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::{
        App,
        notify::{self, Stops},
    },
    domain::{Category, LocalizedText},
    http::{
        caller::Crew,
        extract::{Body, Path},
        problem::Problem,
    },
    messaging::Template,
};

/// The routes of this file.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(release))
}

/// The templates.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct TemplateList {
    /// By name.
    templates: Vec<TemplateBody>,
}

/// One template.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Template)]
struct TemplateBody {
    /// Its name at WhatsApp.
    name: String,
    /// What it is for.
    category: Category,
    /// What stands in its places, in order.
    parameters: Vec<String>,
    /// Whether it has a button that leads to the order's page.
    button: bool,
    /// What it says.
    text: LocalizedText,
    /// Languages in which it cannot be used at present.
    stopped: Vec<StopBody>,
}

/// Why a template cannot be used in some language.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = TemplateStop)]
struct StopBody {
    /// In WhatsApp's words: `ar`, `en_US`.
    language: String,
    /// Why.
    reason: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

impl From<(Template, Stops)> for TemplateBody {
    fn from((it, stops): (Template, Stops)) -> Self {
        let stop = |(language, (reason, at))| StopBody { language, reason, at };
        Self {
            name: it.name,
            category: it.category,
            parameters: it.parameters,
            button: it.button,
            text: it.text,
            stopped: stops.into_iter().map(stop).collect(),
        }
    }
}

/// The templates, and which of them cannot be used.
///
/// Takes a token for all stores with the scope `notifications:write`.
#[utoipa::path(
    get, path = "/templates", operation_id = "listTemplates", tag = "notifications",
    responses((status = 200, description = "All of them.", body = TemplateList))
)]
async fn list(Crew(caller): Crew, State(app): State<App>) -> Result<Body<TemplateList>, Problem> {
    let templates = notify::templates(&app, &caller).await?;
    Ok(Body(TemplateList { templates: templates.into_iter().map(TemplateBody::from).collect() }))
}

/// Use a template again that WhatsApp would not take.
///
/// When it has been mended there. Takes a token for all stores with the scope `notifications:write`.
#[utoipa::path(
    post, path = "/templates/{name}/release", operation_id = "releaseTemplate", tag = "notifications",
    params(("name" = String, Path, description = "The template.")),
    responses((status = 204, description = "It is used again, in every language."))
)]
async fn release(
    Crew(caller): Crew,
    State(app): State<App>,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    notify::release_template(&app, &caller, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
