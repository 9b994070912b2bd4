//! What people get to read when a setting is wrong, and which layer wins.

use std::{fs, time::Duration};

use secrecy::ExposeSecret;

use crate::config::{Config, Span, settings};

fn load(file: &str, environment: &[(&str, &str)]) -> Result<Config, String> {
    let dir = std::env::temp_dir().join(format!("orderwire-config-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    let path = dir.join(format!("{:?}.toml", std::thread::current().id()));
    fs::write(&path, file).unwrap();
    let environment = environment.iter().map(|(name, text)| ((*name).into(), (*text).into()));
    Config::load(Some(&path), environment, &[]).map_err(|error| error.to_string())
}

#[test]
fn each_later_layer_wins() {
    let file = "[live]\nping_every = \"10s\"\nmax_sockets = 7";
    let config = load(file, &[("ORDERWIRE_LIVE__PING_EVERY", "3s")]).unwrap();
    assert_eq!(*config.live.ping_every, Duration::from_secs(3));
    assert_eq!(config.live.max_sockets, 7);
    assert_eq!(config.live.topics_per_socket, 64);
}

#[test]
fn a_command_s_own_defaults_yield_to_every_layer() {
    let defaults = [("log.filter", "warn"), ("data_dir", "demo")];
    let defaults = defaults.map(|(name, text)| (name.to_owned(), text.to_owned()));
    let said = [("ORDERWIRE_LOG__FILTER".to_owned(), "info".to_owned())];
    let config = Config::load_over(&defaults, None, said, &[]).unwrap();
    assert_eq!(config.log.filter, "info");
    assert_eq!(config.data_dir.to_str(), Some("demo"));
}

#[test]
fn well_known_variables_reach_their_settings() {
    let config = load("", &[("DATABASE_URL", "postgres://x")]).unwrap();
    assert_eq!(config.database.url.unwrap().expose_secret(), "postgres://x");
}

#[test]
fn lists_come_from_the_environment_too() {
    let config = load("", &[("ORDERWIRE_PARTNERS__GENERIC__SECRETS", r#"["a", "b"]"#)]).unwrap();
    assert_eq!(config.partners["generic"].secrets.len(), 2);
}

#[test]
fn an_unknown_setting_is_named_with_what_is_allowed() {
    let error = load("[live]\nping_evry = \"10s\"", &[]).unwrap_err();
    assert!(error.contains("live") && error.contains("ping_evry"), "{error}");
    assert!(error.contains("`ping_every`"), "{error}");
    let error = load("", &[("ORDERWIRE_LIFE__PING_EVERY", "1s")]).unwrap_err();
    assert!(error.contains("life") && error.contains("`live`"), "{error}");
}

#[test]
fn a_wrong_value_is_named_with_what_is_allowed() {
    let error = load("[live]\nping_every = \"soon\"", &[]).unwrap_err();
    assert!(error.contains("live.ping_every") && error.contains("250ms"), "{error}");
    let error = load("[live]\nmax_sockets = 0", &[]).unwrap_err();
    assert_eq!(error, "live.max_sockets is 0; it must be between 1 and 10000000");
}

#[test]
fn sockets_that_would_be_closed_between_two_pings_are_refused() {
    let error = load("[live]\nping_every = \"30s\"", &[]).unwrap_err();
    assert!(error.starts_with("live.idle_timeout is 30s; it must be longer"), "{error}");
    assert!(load("[live]\nping_every = \"45s\"\nidle_timeout = \"1m\"", &[]).is_ok());
}

#[test]
fn secrets_are_never_printed() {
    let config = load("", &[("DATABASE_URL", "postgres://u:hunter2@h/d")]).unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn spans_read_and_print_as_people_write_them() {
    for text in ["250ms", "30s", "5m", "12h", "30d"] {
        assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
    }
    assert_eq!(Span::secs(90).to_string(), "90s");
    assert!("5 minutes".parse::<Span>().is_err());
}

#[test]
fn every_setting_has_words() {
    assert!(settings().iter().all(|it| it.doc.len() > 10));
}

#[test]
fn an_error_does_not_quote_a_secret() {
    let error = load("", &[("ORDERWIRE_AUTH__SECRETS", "hunter2-hunter2")]).unwrap_err();
    assert!(error.contains("`auth.secrets`") && error.contains(r#"["…"]"#), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
    let error = load("[auth]\nsecrets = [\"hunter2\"", &[]).unwrap_err();
    assert!(error.contains("line") && !error.contains("hunter2"), "{error}");
}
