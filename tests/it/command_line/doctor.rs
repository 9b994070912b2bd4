//! `doctor`: what it finds, and whether it says what to do.

use std::net::TcpListener;

use crate::{
    command_line::{run, text, variable},
    harness::{
        app::config, folder::Folder, process::environment, services::Isolated, stand_in::StandIn,
    },
};

#[tokio::test]
async fn a_sound_installation_is_told_so() {
    let isolated = Isolated::new().await;
    let mut variables = environment(&config(&isolated));
    variables.push(variable("ORDERWIRE_HTTP__PUBLIC_URL", "https://orders.example.com"));
    let pos = StandIn::spawn(&[]).await;
    variables.push(variable("ORDERWIRE_PARTNERS__GENERIC__BASE_URL", &pos.url()));
    let listen = ["doctor", "--set", "http.listen=127.0.0.1:0"];
    let first = run(&listen, &variables).await;
    assert_eq!(first.code, 0, "{first:?}");
    assert!(first.out.contains("`serve` will apply 0001_orders"), "{first:?}");
    assert_eq!(run(&["migrate"], &variables).await.code, 0);

    let sound = run(&listen, &variables).await;
    let mut expected = vec![
        "ok    settings:",
        "ok    tokens: signed with `auth.secrets`",
        "ok    http: tracking links begin with https://orders.example.com",
        "ok    partner deliveroo: one secret",
        "ok    partner generic: is told at http://127.0.0.1:",
    ];
    if isolated.real.is_some() {
        expected.extend([
            "ok    database: PostgreSQL, its schema up to date",
            "ok    clock: within a second of the database's",
            "ok    bus: RabbitMQ",
            "ok    cache: Redis",
        ]);
    } else {
        expected.extend([
            "ok    database: SQLite, its schema up to date",
            "note  bus: in this process; set AMQP_URL",
            "note  cache: in this process; set REDIS_URL",
        ]);
    }
    assert_eq!(sound.code, 0, "{sound:?}");
    assert!(expected.iter().all(|it| sound.out.contains(it)), "{expected:?} in {}", sound.out);
    assert!(!sound.out.contains("FAIL"), "{}", sound.out);
}

#[tokio::test]
async fn whatever_cannot_be_reached_is_named_with_a_remedy() {
    let folder = Folder::new("doctor");
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = format!("http.listen={}", busy.local_addr().unwrap());
    let data = text(folder.path());
    let url = "http.public_url=orders.example.com";
    let variables = [
        variable("DATABASE_URL", "postgres://me@127.0.0.1:1/db"),
        variable("AMQP_URL", "amqp://127.0.0.1:1"),
        variable("REDIS_URL", "redis://127.0.0.1:1"),
        variable("ORDERWIRE_DATABASE__ACQUIRE_TIMEOUT", "500ms"),
        variable("ORDERWIRE_BUS__TIMEOUT", "500ms"),
        variable("ORDERWIRE_AUTH__SECRETS", "[\"short\"]"),
        variable("ORDERWIRE_PARTNERS__GENERIC__BASE_URL", "http://127.0.0.1:1/told?key=t0psecret"),
    ];
    let arguments = ["doctor", "--data-dir", data, "--set", &listen, "--set", url];
    let run = run(&arguments, &variables).await;
    assert_eq!(run.code, 1, "{run:?}");
    assert!(!run.out.contains("t0psecret"), "{}", run.out);
    for (fails, remedy) in [
        ("tokens", "auth"),
        ("database", "DATABASE_URL"),
        ("bus", "AMQP_URL"),
        ("cache", "REDIS_URL"),
        ("http: cannot listen", "http.listen"),
        ("http: `http.public_url`", "https://"),
        ("partner generic", "partners.generic.base_url"),
    ] {
        let mut lines = run.out.lines().skip_while(|it| !it.starts_with(&format!("FAIL  {fails}")));
        assert!(lines.next().is_some(), "{fails} is well in {}", run.out);
        assert!(lines.next().unwrap().contains(remedy), "{fails}: {}", run.out);
    }
}

#[tokio::test]
async fn a_partner_that_lacks_something_is_named() {
    let folder = Folder::new("doctor");
    let variables = [variable("ORDERWIRE_PARTNERS__CAREEM__BASE_URL", "https://api.example.com")];
    let run = run(&["doctor", "--data-dir", text(folder.path())], &variables).await;
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.out.contains("FAIL  setting `partners.careem.token_url` is missing"), "{run:?}");
}

#[tokio::test]
async fn partners_without_a_secret_share_a_line_and_the_secret_of_whatsapp_is_known_by_its_setting()
{
    let folder = Folder::new("doctor");
    let doctor = ["doctor", "--data-dir", text(folder.path())];
    let by_channel = variable("ORDERWIRE_WHATSAPP__APP_SECRETS", "[\"0123456789abcdef\"]");
    let run_with = async |variables: &[(String, String)]| run(&doctor, variables).await.out;
    let out = run_with(std::slice::from_ref(&by_channel)).await;
    assert!(out.contains("ok    partner whatsapp: one secret"), "{out}");
    let without: Vec<_> = out.lines().filter(|line| line.contains("without a secret")).collect();
    assert_eq!(without.len(), 1, "{out}");
    assert!(without[0].contains("careem, ") && !without[0].contains("whatsapp,"), "{out}");
    let by_slug = variable("ORDERWIRE_PARTNERS__WHATSAPP__SECRETS", "[\"0123456789abcdef\"]");
    let out = run_with(&[by_channel, by_slug]).await;
    assert!(out.contains("ok    partner whatsapp: 2 secrets"), "{out}");
    assert!(
        out.contains("set `whatsapp.app_secrets` instead of `partners.whatsapp.secrets`"),
        "{out}"
    );
}
