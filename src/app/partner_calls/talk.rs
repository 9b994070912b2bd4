//! One request to a partner, with the token that it takes.

use jiff::Timestamp;
use reqwest::{
    StatusCode,
    header::{AUTHORIZATION, HeaderValue},
};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    app::{App, partner_calls::tokens::NoToken},
    outbound::{Answer, Attempt, Exchange, Request, Verdict},
    partners::outbound::{Line, Outbound},
};

/// What came of a request.
pub enum Talk {
    /// It was answered, and so everybody would take it.
    Answered(Answer, Verdict),
    /// Nothing was sent: the partner's host is left alone until then.
    Spared(Timestamp),
    /// It was not answered, or there was no token for it.
    Failed {
        /// The status of the answer to the login.
        status: Option<u16>,
        /// In words.
        why: String,
    },
}

/// Makes one request; what was said meanwhile is in `log`. A token that is not taken any more is forgotten: the next request asks for another.
pub async fn talk(
    app: &App,
    partner: &str,
    (line, outbound): (&Line, &dyn Outbound),
    mut request: Request,
    log: &mut Vec<Exchange>,
) -> Talk {
    let login = outbound.login(line);
    let has_token = login.is_some();
    if let Some(login) = login {
        match app.outgoing.tokens.get(app, partner, login, log).await {
            Ok(token) => bear(&mut request, &token),
            Err(NoToken::Spared(until)) => return Talk::Spared(until),
            // Also when it was refused: somebody may mend the credentials.
            Err(NoToken::Refused { status, why }) => return Talk::Failed { status, why },
        }
    }
    let exchange = match app.outgoing.client.send(partner, request).await {
        Attempt::Spared(until) => return Talk::Spared(until),
        Attempt::Made(exchange) => *exchange,
    };
    let talk = match &exchange.answer {
        Ok(answer) => Talk::Answered(answer.clone(), exchange.verdict),
        Err(why) => Talk::Failed { status: None, why: why.clone() },
    };
    if let Talk::Answered(answer, _) = &talk
        && has_token
        && answer.status == StatusCode::UNAUTHORIZED
    {
        app.outgoing.tokens.forget(partner);
    }
    log.push(exchange);
    talk
}

fn bear(request: &mut Request, token: &SecretString) {
    if let Ok(mut value) = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret())) {
        value.set_sensitive(true);
        request.headers.insert(AUTHORIZATION, value);
    }
}
