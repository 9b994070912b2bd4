//! Pages of other sites that call the API.

use reqwest::Method;

use crate::{
    harness::{app::TestApp, client::answer},
    openapi::{document, operations},
};

#[tokio::test]
async fn other_sites_may_call_only_when_they_are_on_the_list() {
    let app =
        TestApp::with(|it| it.http.cors_origins = vec!["https://app.example.com".to_owned()]).await;
    for (origin, expected) in [
        ("https://app.example.com", Some("https://app.example.com")),
        ("https://evil.example", None),
    ] {
        let request = app.request(Method::OPTIONS, "/v1/orders").header("origin", origin);
        let request = request.header("access-control-request-method", "POST");
        let answer = answer(request).await;
        assert_eq!(answer.header("access-control-allow-origin"), expected);
    }
}

#[tokio::test]
async fn other_sites_may_use_every_method_of_every_route() {
    let origin = "https://app.example.com";
    let app = TestApp::with(|config| config.http.cors_origins = vec![origin.to_owned()]).await;
    let operations = operations(&document(&app).await);
    assert!(operations.len() > 50);
    for operation in operations {
        let path = operation.path.replace(['{', '}'], "");
        let request = app.request(Method::OPTIONS, &path).header("origin", origin);
        let request = request.header("access-control-request-method", operation.method.as_str());
        let answer = answer(request).await;
        let allowed = answer.header("access-control-allow-methods").unwrap_or_default();
        let mut methods = allowed.split(',').map(str::trim);
        assert!(
            methods.any(|method| method == operation.method),
            "{}: {allowed}",
            operation.name()
        );
    }
}
