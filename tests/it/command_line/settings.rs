//! A wrong setting is named, wherever it stands, with what would be right.

use std::fs;

use crate::{
    command_line::{run, text, variable},
    harness::folder::Folder,
};

#[tokio::test]
async fn an_unknown_setting_is_named_wherever_it_stands() {
    let folder = Folder::new("settings");
    let file = folder.path().join("orderwire.toml");
    fs::write(&file, "[http]\nlisen = \"127.0.0.1:1\"\n").unwrap();
    let expected = ["`http.lisen`", "expected one of", "`listen`", "`public_url`"];
    run(&["serve", "--config", text(&file)], &[]).await.refused(&expected);
    run(&["serve", "--set", "http.lisen=x"], &[]).await.refused(&expected);
    run(&["serve"], &[variable("ORDERWIRE_HTTP__LISEN", "x")]).await.refused(&expected);
    run(&["serve"], &[variable("ORDERWIRE_CONFIG", text(&file))]).await.refused(&expected);
    run(&["serve", "--set", "htp.listen=x"], &[]).await.refused(&["`htp`", "`http`", "`database`"]);
    let partner = r#"partners.caream.secrets=["a"]"#;
    let expected = ["`partners.caream`", "careem, checkout_com, deliverect, deliveroo"];
    run(&["serve", "--set", partner], &[]).await.refused(&expected);
    run(&["doctor", "--set", partner], &[]).await.refused(&expected);
}

#[tokio::test]
async fn a_wrong_value_is_named_with_what_is_allowed() {
    for (setting, expected) in [
        ("http.body_limit=many", ["`http.body_limit`", "many"]),
        ("http.listen=everywhere", ["`http.listen`", "socket address"]),
        ("log.format=xml", ["`log.format`", "`text` or `json`"]),
        ("live.ping_every=soon", ["`live.ping_every`", "write 250ms, 30s, 5m, 12h or 30d"]),
        ("live.ping_every=1ms", ["live.ping_every is 1ms", "between 100ms and 5m"]),
        ("workers.relay_batch=0", ["workers.relay_batch is 0", "between 1 and 10000"]),
        ("auth.secrets=short", ["`auth.secrets`", "expected a sequence"]),
        ("database.url=mysql://x", ["database.url must begin", "postgres:// or sqlite:"]),
    ] {
        let folder = Folder::new("settings");
        let run = run(&["serve", "--data-dir", text(folder.path()), "--set", setting], &[]).await;
        run.refused(&expected);
    }
    let both = ["serve", "--set", "http.body_limit=1", "--set", "live.max_sockets=0"];
    run(&both, &[]).await.refused(&["http.body_limit is 1", "live.max_sockets is 0"]);
    run(&["serve", "--set", "nonsense"], &[]).await.refused(&["--set takes a name and a value"]);
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_named() {
    let folder = Folder::new("settings");
    let file = folder.path().join("orderwire.toml");
    let serve = ["serve", "--config", text(&file)];
    run(&serve, &[]).await.refused(&[text(&file), "No such file"]);
    fs::write(&file, "listen = = 1").unwrap();
    run(&serve, &[]).await.refused(&[text(&file), "not valid TOML", "line 1"]);
}

#[tokio::test]
async fn a_flag_beats_a_variable_and_a_variable_beats_the_file() {
    let folder = Folder::new("settings");
    let file = folder.path().join("orderwire.toml");
    let shown = async |arguments: &[&str], variables: &[(String, String)]| {
        let data = ["--data-dir", text(folder.path()), "--config", text(&file)];
        let run = run(&[&["doctor"], &data[..], arguments].concat(), variables).await;
        let line = run.out.lines().find(|it| it.contains("tracking links begin")).unwrap();
        line.to_owned()
    };
    fs::write(&file, "http.public_url = \"https://file.example\"").unwrap();
    let environment = [variable("ORDERWIRE_HTTP__PUBLIC_URL", "https://variable.example")];
    let flag = ["--set", "http.public_url=https://flag.example"];
    assert!(shown(&[], &[]).await.contains("https://file.example"));
    assert!(shown(&[], &environment).await.contains("https://variable.example"));
    assert!(shown(&flag, &environment).await.contains("https://flag.example"));
}

#[tokio::test]
async fn one_process_cannot_share_its_work_without_a_broker() {
    let run = run(&["serve", "--role", "api,live"], &[]).await;
    run.refused(&["relay, intake, timings", "AMQP_URL", "--role"]);
    assert!(!run.err.contains("lacks the roles api"), "{run:?}");
    let run = crate::command_line::run(&["serve", "--role", "cook"], &[]).await;
    run.refused(&["cook", "api, live, relay, intake, timings, webhooks"]);
}

#[tokio::test]
async fn a_secret_is_never_shown() {
    let folder = Folder::new("settings");
    let data = ["--data-dir", text(folder.path()), "--set", "database.acquire_timeout=1s"];
    let variables = [
        variable("DATABASE_URL", "postgres://me:hunter2@127.0.0.1:1/db"),
        variable("AMQP_URL", "amqp://me:hunter2@127.0.0.1:1/%2f"),
        variable("REDIS_URL", "redis://me:hunter2@127.0.0.1:1"),
        variable("ORDERWIRE_BUS__TIMEOUT", "1s"),
        variable("ORDERWIRE_PARTNERS__CAREEM__SECRETS", "[\"hunter2\"]"),
    ];
    let short = [variable("ORDERWIRE_AUTH__SECRETS", "[\"hunter2\"]")];
    for (command, variables) in
        [("doctor", &variables[..]), ("serve", &variables), ("doctor", &short), ("serve", &short)]
    {
        let run = run(&[&[command], &data[..]].concat(), variables).await;
        assert_ne!(run.code, 0, "{run:?}");
        assert!(!run.out.contains("hunter2") && !run.err.contains("hunter2"), "{run:?}");
    }
}
