//! `/v1/mappings`: what partners call our orders and stores.

use axum::{extract::State, http::StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    app::{App, mappings},
    domain::{Actor, OrderId, StoreId},
    http::{
        caller::Crew,
        extract::{Body, Path},
        paging::{PageParams, PageQuery, page_body},
        problem::{ErrorBody, Problem},
    },
    store::mappings::{Mapping, MappingChange, MappingFilter, STORE},
};

/// The routes of this file.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(read, put, forget))
}

/// What is looked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MappingQuery {
    /// Of one partner.
    partner: Option<String>,
    /// Of one order of ours.
    order_id: Option<OrderId>,
    /// Of one store of ours.
    store_id: Option<StoreId>,
    /// Of one id of theirs.
    external_id: Option<String>,
}

page_body! {
    /// A page of mappings.
    MappingList { mappings: MappingBody }
}

/// A partner's name for one of our things.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Mapping)]
struct MappingBody {
    /// Whose name it is.
    partner: String,
    /// What it names: `order` or `store`.
    kind: String,
    /// The name.
    external_id: String,
    /// Our id: `ord_…` or `str_…`.
    local_id: String,
    /// What the partner wants to hear with our answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

/// A name, and everything it ever meant.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct NamedStore {
    /// What it means now; left out when that is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    mapping: Option<MappingBody>,
    /// The first change first.
    changes: Vec<ChangeBody>,
}

/// One change of a mapping.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MappingChange)]
struct ChangeBody {
    /// What it meant until then; left out for nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<StoreId>,
    /// What it has meant since; left out for nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<StoreId>,
    /// Who did it.
    actor: Actor,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

/// What a name is to mean.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StoreName {
    /// The store.
    store_id: StoreId,
    /// What the partner wants to hear with our answers about this store.
    #[serde(default)]
    data: Option<Value>,
}

/// Whose name for a store.
#[derive(Debug, Deserialize)]
struct Name {
    partner: String,
    external_id: String,
}

impl From<Mapping> for MappingBody {
    fn from(it: Mapping) -> Self {
        let is_store = it.local_entity_type == STORE;
        let local_id = if is_store {
            StoreId::from_uuid(it.local_entity_id).to_string()
        } else {
            OrderId::from_uuid(it.local_entity_id).to_string()
        };
        Self {
            partner: it.external_system,
            kind: it.local_entity_type,
            external_id: it.external_entity_id,
            local_id,
            data: it.mapping_data,
            updated_at: it.updated_at,
        }
    }
}

impl From<MappingChange> for ChangeBody {
    fn from(it: MappingChange) -> Self {
        let store = |id: Option<Uuid>| id.map(StoreId::from_uuid);
        Self { from: store(it.from), to: store(it.to), actor: it.actor, at: it.at }
    }
}

/// What partners call our orders and stores.
///
/// Look up either way: by our id, or by theirs. Takes a token for all stores with the scope `stores:read`.
#[utoipa::path(
    get, path = "/mappings", operation_id = "listMappings", tag = "partners", params(MappingQuery, PageParams),
    responses((status = 200, description = "A page of mappings.", body = MappingList))
)]
async fn list(
    Crew(caller): Crew,
    State(app): State<App>,
    PageQuery(query, page): PageQuery<MappingQuery>,
) -> Result<Body<MappingList>, Problem> {
    let filter = MappingFilter {
        system: query.partner,
        local_id: query.order_id.map(OrderId::uuid).or(query.store_id.map(StoreId::uuid)),
        external_id: query.external_id,
    };
    Ok(Body(mappings::list(&app, &caller, filter, page).await?.into()))
}

/// What a partner's name for a store means, and ever meant.
#[utoipa::path(
    get, path = "/mappings/{partner}/stores/{external_id}", operation_id = "readStoreName", tag = "partners",
    params(
        ("partner" = String, Path, description = "The partner's slug."),
        ("external_id" = String, Path, description = "The partner's name for the store."),
    ),
    responses(
        (status = 200, description = "The mapping and its changes.", body = NamedStore),
        (status = 404, description = "The name never meant anything.", body = ErrorBody),
    )
)]
async fn read(
    Crew(caller): Crew,
    State(app): State<App>,
    Path(name): Path<Name>,
) -> Result<Body<NamedStore>, Problem> {
    let (mapping, changes) =
        mappings::read(&app, &caller, &name.partner, &name.external_id).await?;
    Ok(Body(NamedStore {
        mapping: mapping.map(MappingBody::from),
        changes: changes.into_iter().map(ChangeBody::from).collect(),
    }))
}

/// Say which store a partner means by a name.
///
/// Whatever it meant before: who says so last is right, and the changes are kept. Orders of the partner that waited for it are taken up
/// at once. Takes a token for all stores with the scope `stores:write`.
#[utoipa::path(
    put, path = "/mappings/{partner}/stores/{external_id}", operation_id = "nameStore", tag = "partners",
    params(
        ("partner" = String, Path, description = "The partner's slug."),
        ("external_id" = String, Path, description = "The partner's name for the store."),
    ),
    request_body = StoreName,
    responses(
        (status = 200, description = "The mapping.", body = MappingBody),
        (status = 400, description = "There is no such store, or the name cannot be one.", body = ErrorBody),
    )
)]
async fn put(
    Crew(caller): Crew,
    State(app): State<App>,
    Path(name): Path<Name>,
    Body(new): Body<StoreName>,
) -> Result<Body<MappingBody>, Problem> {
    let name = (name.partner.as_str(), name.external_id.as_str());
    let mapping = mappings::name_store(&app, &caller, name, new.store_id, new.data).await?;
    Ok(Body(mapping.into()))
}

/// A partner's name for a store means nothing any more.
#[utoipa::path(
    delete, path = "/mappings/{partner}/stores/{external_id}", operation_id = "forgetStoreName", tag = "partners",
    params(
        ("partner" = String, Path, description = "The partner's slug."),
        ("external_id" = String, Path, description = "The partner's name for the store."),
    ),
    responses(
        (status = 204, description = "It means nothing now."),
        (status = 404, description = "It means nothing.", body = ErrorBody),
    )
)]
async fn forget(
    Crew(caller): Crew,
    State(app): State<App>,
    Path(name): Path<Name>,
) -> Result<StatusCode, Problem> {
    mappings::forget_store(&app, &caller, &name.partner, &name.external_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
