//! The files that people deploy with: what they set must be settings.

use std::{collections::BTreeSet, fs, path::Path};

use orderwire::config::{Config, settings};

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

#[test]
fn the_example_of_an_environment_can_be_loaded_with_everything_in_it() {
    let text = read(".env.example");
    let assignment = |line: &str| {
        let (name, value) = line.trim_start_matches('#').split_once('=')?;
        let is_name = name.chars().all(|c| c.is_ascii_uppercase() || c == '_');
        is_name.then(|| (name.to_owned(), value.trim_matches('\'').to_owned()))
    };
    let environment: Vec<_> = text.lines().filter_map(assignment).collect();
    assert!(20 < environment.len(), "{environment:?}");
    let config = Config::load(None, environment, &[]).unwrap();
    assert_eq!(config.auth.secrets.len(), 1);
    assert!(config.partners.contains_key("deliveroo"));
}

#[test]
fn the_container_files_name_only_settings() {
    let known: BTreeSet<String> = settings().into_iter().map(|it| it.name).collect();
    for file in ["Dockerfile", "docker-compose.yml"] {
        let text = read(file);
        let is_part = |c: char| c.is_ascii_uppercase() || c == '_';
        let mut named = text
            .split(|c| !is_part(c))
            .filter_map(|word| word.strip_prefix("ORDERWIRE_"))
            .filter(|it| !it.is_empty())
            .map(|it| it.to_lowercase().replace("__", "."))
            .peekable();
        assert!(named.peek().is_some(), "{file} sets nothing");
        named.for_each(|it| {
            let is_known = known.contains(&it) || known.contains(&of_any_partner(&it));
            assert!(is_known, "{file} names {it}, which is no setting");
        });
    }
}

/// `partners.generic.secrets` as the list of settings has it.
fn of_any_partner(name: &str) -> String {
    match name.split('.').collect::<Vec<_>>()[..] {
        ["partners", _, setting] => format!("partners.<slug>.{setting}"),
        _ => name.to_owned(),
    }
}
