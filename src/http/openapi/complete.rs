//! What is the same for many operations: the failures of every request, and an example of each body.

use std::collections::{BTreeMap, HashSet};

use axum::http::Method;
use serde_json::Value;
use utoipa::openapi::{
    Content, OpenApi, Ref, RefOr, ResponseBuilder,
    path::{Operation, Parameter, ParameterIn, PathItem},
};

/// A body for each operation that takes one, by `operationId`.
const EXAMPLES: &str = include_str!("examples.json");

/// Whether an operation can fail like this.
type Applies = fn(&Operation) -> bool;

/// Failures that do not depend on the handler, and which operations have them. Where a handler describes one itself, that stays.
const FAILURES: [(&str, &str, Applies); 9] = [
    ("400", "A parameter or the body is not valid; `details` names each fault.", has_input),
    ("401", "The token is missing or not valid.", needs_token),
    ("403", "The token's role, scopes or stores do not permit this.", needs_token),
    ("404", "There is no such resource, or the token may not see it.", has_path_parameter),
    ("408", "The rest of the body did not come in time.", has_body),
    ("412", "The order has changed since the version in `If-Match`.", has_if_match),
    ("413", "The body is too large.", has_body),
    ("415", "The body is not `application/json`.", has_json_body),
    ("503", "Not now: the database is unavailable, or this took too long. See `Retry-After`.", any),
];

/// Adds them to every operation.
pub fn complete(document: &mut OpenApi) {
    // The file is checked by a test of the document.
    let examples: BTreeMap<String, Value> = serde_json::from_str(EXAMPLES).unwrap_or_default();
    for (_, operation) in document.paths.paths.values_mut().flat_map(operations) {
        for (status, description, applies) in FAILURES {
            if !applies(operation) || operation.responses.responses.contains_key(status) {
                continue;
            }
            let content = Content::new(Some(Ref::from_schema_name("ErrorBody")));
            let response = ResponseBuilder::new()
                .description(description)
                .content("application/json", content)
                .build();
            operation.responses.responses.insert(status.to_owned(), RefOr::T(response));
        }
        let example = operation.operation_id.as_ref().and_then(|id| examples.get(id));
        if let (Some(example), Some(RefOr::T(body))) = (example, &mut operation.request_body) {
            for content in body.content.values_mut() {
                if let RefOr::T(content) = content {
                    content.example = Some(example.clone());
                }
            }
        }
    }
}

/// The methods that some route takes.
pub fn methods(document: &mut OpenApi) -> Vec<Method> {
    let all = document.paths.paths.values_mut().flat_map(operations);
    let methods: HashSet<_> = all.map(|(method, _)| method).collect();
    methods.into_iter().collect()
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    let all = [
        (Method::GET, &mut item.get),
        (Method::PUT, &mut item.put),
        (Method::POST, &mut item.post),
        (Method::DELETE, &mut item.delete),
        (Method::OPTIONS, &mut item.options),
        (Method::HEAD, &mut item.head),
        (Method::PATCH, &mut item.patch),
        (Method::TRACE, &mut item.trace),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

fn has_input(operation: &Operation) -> bool {
    parameters(operation).next().is_some() || has_body(operation)
}

fn has_path_parameter(operation: &Operation) -> bool {
    parameters(operation).any(|parameter| parameter.parameter_in == ParameterIn::Path)
}

fn has_if_match(operation: &Operation) -> bool {
    parameters(operation).any(|parameter| parameter.name == "If-Match")
}

fn parameters(operation: &Operation) -> impl Iterator<Item = &Parameter> {
    operation.parameters.iter().flatten().filter_map(|parameter| match parameter {
        RefOr::T(parameter) => Some(parameter),
        RefOr::Ref(_) => None,
    })
}

const fn has_body(operation: &Operation) -> bool {
    operation.request_body.is_some()
}

/// Partners call without a token: their signature stands in its place.
const fn needs_token(operation: &Operation) -> bool {
    operation.security.is_none()
}

/// Partners may send their bodies with any content type.
const fn has_json_body(operation: &Operation) -> bool {
    has_body(operation) && needs_token(operation)
}

const fn any(_: &Operation) -> bool {
    true
}
