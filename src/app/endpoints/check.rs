//! Whether an endpoint may be as somebody wants it.

use std::{collections::BTreeSet, time::Duration};

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use crate::{
    app::{App, Detail, Failure},
    base::standard_webhooks,
    domain::{FORMAT_VERSION, StoreId},
    store::{self, Tx, endpoints::Endpoint},
};

/// How long a name may take to be resolved while somebody waits for an answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// The longest URL and description, in bytes.
const LONGEST_URL: usize = 2048;
const LONGEST_DESCRIPTION: usize = 200;

/// The lengths of a secret's key, in bytes (Standard Webhooks 1.0.0).
const SHORTEST_KEY: usize = 24;
const LONGEST_KEY: usize = 64;

/// Refuses an endpoint with faults, all of them at once.
pub async fn endpoint(app: &App, it: &Endpoint) -> Result<(), Failure> {
    let mut faults = Vec::new();
    if let Err(fault) = url(app, &it.url).await {
        faults.push(Detail::new("url", fault));
    }
    let fits =
        |it: &String| it.len() <= LONGEST_DESCRIPTION && !it.contains(|it: char| it.is_control());
    if !it.description.as_ref().is_none_or(fits) {
        let message = format!("has at most {LONGEST_DESCRIPTION} bytes, all to be read");
        faults.push(Detail::new("description", message));
    }
    if it.version != FORMAT_VERSION {
        faults.push(Detail::new("version", format!("must be {FORMAT_VERSION}")));
    }
    if faults.is_empty() { Ok(()) } else { Err(Failure::Invalid(faults)) }
}

/// Refuses stores that are not there.
pub async fn stores(tx: &mut Tx, wanted: &[StoreId]) -> Result<(), Failure> {
    if wanted.is_empty() {
        return Ok(());
    }
    let there: BTreeSet<_> = store::stores::list(tx).await?.into_iter().map(|it| it.id).collect();
    let missing = wanted.iter().enumerate().filter(|(_, it)| !there.contains(it));
    let faults: Vec<_> = missing
        .map(|(at, _)| Detail::new(format!("stores[{at}]"), "there is no such store"))
        .collect();
    if faults.is_empty() { Ok(()) } else { Err(Failure::Invalid(faults)) }
}

/// Refuses a secret that others could not verify with.
pub fn secret(given: Option<&SecretString>) -> Result<(), Failure> {
    let is_good = |it: &SecretString| {
        let text = it.expose_secret();
        let key = standard_webhooks::key(text.as_bytes()).map_or(0, |it| it.len());
        text.starts_with("whsec_") && (SHORTEST_KEY..=LONGEST_KEY).contains(&key)
    };
    if given.is_none_or(is_good) {
        return Ok(());
    }
    let message = format!("is whsec_ and {SHORTEST_KEY} to {LONGEST_KEY} bytes in base64");
    Err(Failure::Invalid(vec![Detail::new("secret", message)]))
}

async fn url(app: &App, text: &str) -> Result<(), String> {
    let https = "must begin with https://";
    if LONGEST_URL < text.len() {
        return Err(format!("has at most {LONGEST_URL} bytes"));
    }
    let url: Url = text.parse().map_err(|_| "is no URL".to_owned())?;
    match url.scheme() {
        "https" => {}
        "http" if app.config.endpoints.allow_http => {}
        _ => return Err(https.to_owned()),
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err("holds a name, a password or a fragment".to_owned());
    }
    match app.endpoints.guard() {
        // A name that nobody can resolve now is judged when it is used.
        Some(guard) => match tokio::time::timeout(PATIENCE, guard.look(&url)).await {
            Ok(looked) => looked.map_err(|it| it.to_string()),
            Err(_) => guard.check(&url).map_err(|it| it.to_string()),
        },
        None => Ok(()),
    }
}
