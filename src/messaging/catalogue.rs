//! All templates: those that come with Orderwire, or the restaurant's own.

use std::{collections::BTreeMap, fs, path::Path};

use serde::Deserialize;

use crate::{domain::NotifyRules, messaging::template::Template};

/// The templates that come with Orderwire, to be put before WhatsApp under the same names.
const TEMPLATES: &str = include_str!("templates.toml");
/// The rules of stores that have none of their own.
const RULES: &str = include_str!("rules.toml");

/// The templates, and the rules of stores that have none of their own.
#[derive(Clone, Debug)]
pub struct Catalogue {
    templates: BTreeMap<String, Template>,
    rules: NotifyRules,
}

/// A file of templates that cannot be used. For the operator.
#[derive(Debug, thiserror::Error)]
#[error("`notify.templates_file`: {0}")]
pub struct BadTemplates(String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    templates: Vec<Template>,
    /// Rules for stores that have none of their own.
    rules: Option<NotifyRules>,
}

impl Catalogue {
    /// Those in this file; without one, those that come with Orderwire.
    pub fn new(path: Option<&Path>) -> Result<Self, BadTemplates> {
        let text = match path {
            Some(path) => fs::read_to_string(path)
                .map_err(|it| BadTemplates(format!("{} cannot be read: {it}", path.display())))?,
            None => TEMPLATES.to_owned(),
        };
        Self::read(&text)
    }

    fn read(text: &str) -> Result<Self, BadTemplates> {
        let parse = |it: toml::de::Error| BadTemplates(it.to_string());
        let file: File = toml::from_str(text).map_err(parse)?;
        let mut templates = BTreeMap::new();
        for template in file.templates {
            if let Some(fault) = template.fault() {
                return Err(BadTemplates(format!("template {:?}: {fault}", template.name)));
            }
            templates.insert(template.name.clone(), template);
        }
        let rules = match file.rules {
            Some(rules) => rules,
            None => toml::from_str(RULES).map_err(parse)?,
        };
        let unknown = rules.rules.iter().find(|it| !templates.contains_key(&it.template));
        if let Some(rule) = unknown {
            let (on, template) = (&rule.on, &rule.template);
            return Err(BadTemplates(format!(
                "the rule on {on:?} needs the template {template:?}, which is not there; give `[rules]` of your own"
            )));
        }
        Ok(Self { templates, rules })
    }

    /// A template by its name.
    pub fn get(&self, name: &str) -> Option<&Template> {
        self.templates.get(name)
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &Template> {
        self.templates.values()
    }

    /// The rules of stores that have none of their own.
    pub const fn usual_rules(&self) -> &NotifyRules {
        &self.rules
    }
}
