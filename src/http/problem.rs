//! The error body of every route, and the one table that turns failures into statuses.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::{
    app::{App, Detail, Failure},
    auth::TokenError,
    domain::Refusal,
    live,
    store::StoreError,
};

/// What a failed request is answered with: `{"error": {"code", "message", "details"}}`.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    message: String,
    details: Vec<Detail>,
    /// Seconds after which another try makes sense.
    retry_after: Option<u32>,
}

/// The wire form of a problem.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ErrorBody {
    error: ErrorInside,
}

/// The inside of the wire form.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct ErrorInside {
    /// For programs: `INVALID_INPUT`, `ILLEGAL_STEP`…
    #[schema(value_type = String)]
    code: &'static str,
    /// For people.
    message: String,
    /// What is wrong where, if that can be said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    details: Vec<Detail>,
}

impl Problem {
    /// A problem without details.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), details: Vec::new(), retry_after: None }
    }

    /// The request cannot be read.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "INVALID_INPUT", message)
    }

    /// The request has these faults.
    pub fn faults(details: Vec<Detail>) -> Self {
        Self { details, ..Self::invalid("The request contains invalid parameters.") }
    }

    /// Nobody, or nobody that we know.
    pub fn unauthenticated(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", message)
    }

    /// Somebody, but not somebody who may.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "FORBIDDEN", message)
    }

    /// There is no such thing.
    pub fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", format!("There is no such {what}."))
    }

    /// Not now.
    pub fn unavailable(message: impl Into<String>) -> Self {
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", message);
        Self { retry_after: Some(2), ..problem }
    }

    /// Something that should not have happened; the cause has been logged.
    pub fn internal() -> Self {
        let message = "Something broke on our side. The request id helps us to find it.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", message)
    }

    /// A status that a library answered with, in our form.
    pub fn of_status(status: StatusCode, message: impl Into<String>) -> Self {
        let code = match status {
            StatusCode::NOT_FOUND => "NOT_FOUND",
            StatusCode::METHOD_NOT_ALLOWED => "METHOD_NOT_ALLOWED",
            StatusCode::PAYLOAD_TOO_LARGE => "PAYLOAD_TOO_LARGE",
            StatusCode::UNSUPPORTED_MEDIA_TYPE => "UNSUPPORTED_MEDIA_TYPE",
            StatusCode::REQUEST_TIMEOUT => "TIMEOUT",
            StatusCode::INTERNAL_SERVER_ERROR => return Self::internal(),
            _ => "INVALID_INPUT",
        };
        Self::new(status, code, message)
    }

    /// The code for programs.
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// The message for people.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self { status, code, message, details, retry_after } = self;
        let body = ErrorBody { error: ErrorInside { code, message, details } };
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if status == StatusCode::UPGRADE_REQUIRED {
            headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
            headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        }
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => refusal.into(),
            Failure::Store(error) => Self::of_store(&error),
            Failure::NoSuch(what) => Self::not_found(what),
            Failure::Forbidden(why) => Self::forbidden(why),
            Failure::MissingScope(missing) => Self::forbidden(sentence(&missing.to_string())),
            Failure::Invalid(details) => Self::faults(details),
            Failure::Taken(what) => Self::new(StatusCode::CONFLICT, "CONFLICT", what),
            Failure::KeyInUse => {
                let message = "A request with this Idempotency-Key is being carried out.";
                let problem = Self::new(StatusCode::CONFLICT, "IDEMPOTENCY_KEY_IN_USE", message);
                Self { retry_after: Some(1), ..problem }
            }
            Failure::KeyReused => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "IDEMPOTENCY_KEY_REUSED",
                "This Idempotency-Key came with another request before.",
            ),
            Failure::Token(error) => error.into(),
            Failure::Interrupted => Self::unavailable("This was interrupted. Send it again."),
            Failure::Internal(cause) => {
                tracing::error!("a request failed: {cause}");
                Self::internal()
            }
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let (status, code) = match &refusal {
            Refusal::IllegalStep { .. } | Refusal::IllegalTicketStep { .. } => {
                (StatusCode::CONFLICT, "ILLEGAL_STEP")
            }
            Refusal::KitchenHasItNot { .. }
            | Refusal::NotReady { .. }
            | Refusal::NotEnded { .. }
            | Refusal::TooLate { .. } => (StatusCode::CONFLICT, "CONFLICT"),
            Refusal::Stale { .. } => (StatusCode::PRECONDITION_FAILED, "PRECONDITION_FAILED"),
            Refusal::NoSuchStation { .. } | Refusal::Money(_) => {
                (StatusCode::BAD_REQUEST, "INVALID_INPUT")
            }
        };
        Self::new(status, code, sentence(&refusal.to_string()))
    }
}

impl Problem {
    fn of_store(error: &StoreError) -> Self {
        if error.is_retryable() {
            tracing::warn!("the store is unavailable: {error}");
            // Not "nothing was changed": nobody knows that of a commit whose answer was lost.
            return Self::unavailable("The store cannot be reached. Try again.");
        }
        match error {
            StoreError::Conflict => {
                Self::new(StatusCode::CONFLICT, "CONFLICT", "Somebody else was faster; read again.")
            }
            StoreError::Database(_)
            | StoreError::Disk { .. }
            | StoreError::Unreachable(_)
            | StoreError::Inconsistent(_)
            | StoreError::Setting(_)
            | StoreError::Schema(_) => {
                tracing::error!("the store failed: {error}");
                Self::internal()
            }
        }
    }
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        Self::unauthenticated(sentence(&error.to_string()))
    }
}

impl Problem {
    /// There is no socket for this caller now. Each is sent away for another time, or all would come back together.
    pub fn turned_away(app: &App, refused: live::Refused) -> Self {
        let wait = app.config.live.retry_window.mul_f64(app.mint.fraction()).as_secs() + 1;
        let problem = Self::unavailable(sentence(&refused.to_string()));
        Self { retry_after: u32::try_from(wait).ok(), ..problem }
    }
}

/// A lower-case message as a sentence.
fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    let mut sentence: String = first.chain(letters).collect();
    if !sentence.ends_with(['.', '!', '?']) {
        sentence.push('.');
    }
    sentence
}
