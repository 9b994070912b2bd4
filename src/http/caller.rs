//! Authority as extractors: a handler names who may call it in its signature, so forgetting the check does not compile.
//!
//! An extractor knows the token; whether it reaches one order or store is for the use case to say, which has loaded it.

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{header, request::Parts},
};

use crate::{
    app::App,
    auth::{Caller, Role},
    http::problem::Problem,
};

/// Anybody with a good token.
#[derive(Clone, Debug)]
pub struct Anybody(pub Arc<Caller>);

/// Anybody who deals with orders in the plural: no tracking links.
#[derive(Clone, Debug)]
pub struct Party(pub Arc<Caller>);

/// Those who may place orders: customers, staff, services.
#[derive(Clone, Debug)]
pub struct Ordering(pub Arc<Caller>);

/// Those who work at stores: staff and services.
#[derive(Clone, Debug)]
pub struct Crew(pub Arc<Caller>);

/// Anybody with a good token, which may also stand in the query: for sockets and event streams, whose clients cannot set headers.
#[derive(Clone, Debug)]
pub struct Watcher(pub Arc<Caller>);

macro_rules! extractor {
    ($name:ident, $token:ident, $roles:pat) => {
        impl FromRequestParts<App> for $name {
            type Rejection = Problem;

            async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
                let caller = app.tokens.verify(&$token(parts)?)?;
                if matches!(caller.role, $roles) {
                    Ok(Self(caller))
                } else {
                    let role = caller.role;
                    Err(Problem::forbidden(format!("This is not for the role {role}.")))
                }
            }
        }
    };
}
extractor!(Anybody, bearer, _);
extractor!(Party, bearer, Role::Customer | Role::Courier | Role::Staff | Role::Service);
extractor!(Ordering, bearer, Role::Customer | Role::Staff | Role::Service);
extractor!(Crew, bearer, Role::Staff | Role::Service);

impl FromRequestParts<App> for Watcher {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        // Before the token is looked at: in a storm, to say no must cost next to nothing.
        app.hub.knock().map_err(|it| Problem::turned_away(app, it))?;
        Ok(Self(app.tokens.verify(&bearer_or_query(parts)?)?))
    }
}

fn bearer(parts: &Parts) -> Result<String, Problem> {
    let value = parts.headers.get(header::AUTHORIZATION).ok_or_else(missing)?;
    let text = value.to_str().map_err(|_| missing())?;
    let (scheme, token) = text.split_once(' ').ok_or_else(missing)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(token.trim().to_owned()) } else { Err(missing()) }
}

fn bearer_or_query(parts: &Parts) -> Result<String, Problem> {
    if parts.headers.contains_key(header::AUTHORIZATION) {
        return bearer(parts);
    }
    // A JWT has no character that a query would have to escape.
    let query = parts.uri.query().unwrap_or_default();
    let token = query.split('&').find_map(|it| it.strip_prefix("token="));
    token.map(str::to_owned).ok_or_else(missing)
}

fn missing() -> Problem {
    Problem::unauthenticated("Send a token: Authorization: Bearer <token>.")
}
