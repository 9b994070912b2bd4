//! The other commands.

use std::{fs, path::Path, sync::Arc};

use serde_json::json;

use crate::{
    command_line::{run, text, variable},
    harness::{
        app::{TestApp, config},
        client::{Client, id},
        folder::Folder,
        process::{Process, environment},
        services::Isolated,
        tokens::ALL_SCOPES,
    },
};

const STORE: &str = "str_019a0000000070008000000000000118";

#[tokio::test]
async fn help_names_the_commands_and_examples_to_begin_with() {
    let help = run(&["--help"], &[]).await;
    assert_eq!(help.code, 0);
    for word in ["demo", "serve", "migrate", "doctor", "token", "settings", "DATABASE_URL"] {
        assert!(help.out.contains(word), "{word} in {}", help.out);
    }
    let version = run(&["--version"], &[]).await;
    assert_eq!(version.out, format!("orderwire {}\n", env!("CARGO_PKG_VERSION")));
    run(&["cook"], &[]).await.refused(&["cook", "--help"]);
}

#[tokio::test]
async fn the_list_of_settings_is_the_one_in_the_documentation() {
    let listed = run(&["settings"], &[]).await;
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/settings.md");
    let written = fs::read_to_string(file).unwrap();
    let table = written.find("| setting").map(|it| &written[it..]).unwrap_or_default();
    assert_eq!(
        table, listed.out,
        "docs/settings.md should end with what `orderwire settings` prints"
    );
}

#[tokio::test]
async fn a_migration_is_checked_made_and_then_there() {
    let isolated = Isolated::new().await;
    let variables = environment(&config(&isolated));
    let serve = ["serve", "--listen", "127.0.0.1:0", "--set", "database.migrate=false"];
    run(&serve, &variables).await.refused(&["0001_orders", "orderwire migrate"]);
    for _ in 0..2 {
        let check = run(&["migrate", "--check"], &variables).await;
        assert_eq!(check.code, 1, "{check:?}");
        assert!(check.out.contains("0001_orders\n"), "{check:?}");
    }
    let migrate = run(&["migrate"], &variables).await;
    assert_eq!((migrate.code, migrate.out.contains(" applied")), (0, true), "{migrate:?}");
    for arguments in [&["migrate", "--check"][..], &["migrate"]] {
        let again = run(arguments, &variables).await;
        assert_eq!((again.code, again.out.as_str()), (0, "the schema is up to date\n"));
    }
}

#[tokio::test]
async fn a_minted_token_opens_what_it_was_minted_for() {
    let app = TestApp::spawn().await;
    let variables = environment(app.config());
    let mint = async |arguments: &[&str]| {
        let run = run(&[&["token"], arguments].concat(), &variables).await;
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{run:?}");
        run.out.trim_end().to_owned()
    };
    let client: &Client = &app;
    let manager = mint(&["--role", "staff", "--all-stores", "--scope", "stores:write,ops"]).await;
    let new = json!({"name": {"en": "Jabal Amman"}, "stations": ["grill", "fry"]});
    let store = client.post("/v1/stores", &manager, &new).await.expect(201);
    let order = client.place(id(&store)).await;
    let path = format!("/v1/orders/{}", id(&order));
    let staff = mint(&["--role", "staff", "--store", id(&store)]).await;
    let sara = mint(&["--role", "customer", "--subject", "sara"]).await;
    let link = mint(&["--role", "tracking", "--order", id(&order)]).await;
    let reader = mint(&["--role", "service", "--all-stores", "--scope", "orders:read"]).await;
    for token in [&staff, &sara, &link, &reader] {
        client.get(&path, token).await.expect(200);
    }
    client.post("/v1/stores", &staff, &new).await.expect_error(403, "FORBIDDEN");
    client.post("/v1/token/renew", &staff, &json!({})).await.expect(200);
    let other = mint(&["--role", "customer"]).await;
    client.get(&path, &other).await.expect_error(404, "NOT_FOUND");
}

#[tokio::test]
async fn a_token_that_would_open_nothing_is_not_minted() {
    let folder = Folder::new("token");
    let data = ["--data-dir", text(folder.path())];
    for (arguments, word) in [
        (["--role", "owner"].as_slice(), "customer, staff, service, courier, tracking"),
        (&["--role", "tracking"], "--order"),
        (&["--role", "service", "--scope", "everything"], "orders:read"),
        (&["--role", "staff", "--store", "abdoun"], "--store"),
        (&["--role", "staff", "--store", STORE, "--all-stores"], "cannot be used with"),
    ] {
        run(&[&["token"], &data[..], arguments].concat(), &[]).await.refused(&[word]);
    }
}

#[tokio::test]
async fn new_keys_and_a_token_for_no_store_are_mentioned_beside_the_token() {
    let isolated = Isolated::embedded();
    let variables = [variable("ORDERWIRE_DATA_DIR", isolated.data.path().to_str().unwrap())];
    let first = run(&["token", "--role", "service", "--scope", "orders:read"], &variables).await;
    assert_eq!((first.code, first.out.lines().count()), (0, 1), "{first:?}");
    assert!(first.err.contains("made new keys in") && first.err.contains("keys.toml"), "{first:?}");
    assert!(first.err.contains("reaches no store"), "{first:?}");
    let second = run(&["token", "--role", "service", "--all-stores"], &variables).await;
    assert_eq!((second.code, second.err.as_str()), (0, ""), "{second:?}");
}

#[tokio::test]
async fn help_lists_every_scope_of_a_token() {
    let help = run(&["token", "--help"], &[]).await;
    let text: String = help.out.split_whitespace().collect();
    for scope in ALL_SCOPES.split_whitespace() {
        assert!(text.contains(scope), "{scope} is not in {}", help.out);
    }
}

#[tokio::test]
async fn a_data_folder_belongs_to_one_server() {
    let isolated = Arc::new(Isolated::embedded());
    let first = Process::on(Arc::clone(&isolated), &[]).await;
    let second = ["serve", "--data-dir", text(isolated.data.path())];
    run(&second, &[]).await.refused(&["another server uses the data folder", "--data-dir"]);
    drop(first);
}
