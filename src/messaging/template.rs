//! One template: a text with numbered places, approved beforehand, and what is put into them.

use serde::Deserialize;

use crate::domain::{Category, Language, LocalizedText, Trouble};

/// The longest text of a message, in characters: 1,024 is WhatsApp's bound for the body of a template.
const LONGEST_TEXT: usize = 1024;

/// What stands at the end of the text where a channel has no buttons.
const BUTTON_MARK: &str = "\n";

/// A text that was approved beforehand.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// Its name at WhatsApp.
    pub name: String,
    /// What it is for.
    #[serde(default = "utility")]
    pub category: Category,
    /// What stands at `{{1}}`, `{{2}}`…, by the names in `docs/notifications.md`.
    #[serde(default)]
    pub parameters: Vec<String>,
    /// Whether it has a button that leads to the order's page. WhatsApp's template then has a URL button which ends in `/track/{{1}}`.
    #[serde(default)]
    pub button: bool,
    /// What WhatsApp calls its languages.
    #[serde(default)]
    pub languages: Languages,
    /// What it says.
    pub text: LocalizedText,
}

/// What WhatsApp calls a template's languages: a name that was approved as `en_US` is not there as `en`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Languages {
    ar: String,
    en: String,
}

impl Default for Languages {
    fn default() -> Self {
        Self { ar: "ar".to_owned(), en: "en".to_owned() }
    }
}

const fn utility() -> Category {
    Category::Utility
}

/// A template with its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worded {
    /// The template's name.
    pub template: String,
    /// Its language, in WhatsApp's words.
    pub language_code: String,
    /// What stands in its places, in order.
    pub parameters: Vec<String>,
    /// What its button's address ends in.
    pub button: Option<String>,
    /// All of it, as the person will read it, with the address at its end where it has a button.
    pub text: String,
}

impl Template {
    /// What is wrong with it.
    pub(in crate::messaging) fn fault(&self) -> Option<String> {
        let plain = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'_';
        if self.name.is_empty() || !self.name.bytes().all(plain) {
            return Some("its name must be of a-z, 0-9 and underscores".to_owned());
        }
        for language in Language::ALL {
            let Some(text) = self.said_in(*language) else { continue };
            let places = text.matches("{{").count();
            if places != self.parameters.len() {
                return Some(format!(
                    "its text ({language}) has {places} places, and there are {} parameters",
                    self.parameters.len()
                ));
            }
            for number in 1..=places {
                if !text.contains(&place(number)) {
                    return Some(format!("its text ({language}) has no {}", place(number)));
                }
            }
        }
        self.text.is_empty().then(|| "it has no text".to_owned())
    }

    /// The languages it can be said in, the wanted one first.
    pub fn languages(&self, wanted: Language) -> impl Iterator<Item = Language> {
        let others = Language::ALL.iter().copied().filter(move |it| *it != wanted);
        std::iter::once(wanted).chain(others).filter(|it| self.said_in(*it).is_some())
    }

    /// Its language in WhatsApp's words.
    pub fn code(&self, language: Language) -> &str {
        match language {
            Language::Arabic => &self.languages.ar,
            Language::English => &self.languages.en,
        }
    }

    /// Puts values into its places. A place that stays empty is an error: WhatsApp would refuse the message, and nobody wants to read it.
    /// `tracking` is the address of the order's page, and what stands after its last slash.
    pub fn word(
        &self,
        language: Language,
        value: impl Fn(&str) -> Option<String>,
        tracking: Option<(&str, &str)>,
    ) -> Result<Worded, Trouble> {
        let missing = |what: &str| {
            Trouble::new("parameter_missing", format!("template {} needs {what}", self.name))
        };
        let mut text = self.said_in(language).ok_or_else(|| missing("a text"))?.to_owned();
        let mut parameters = Vec::with_capacity(self.parameters.len());
        for (number, name) in (1..).zip(&self.parameters) {
            let value = value(name).map(|it| one_line(&it)).filter(|it| !it.is_empty());
            let value = value.ok_or_else(|| missing(name))?;
            // A value that looks like a place is none.
            text = text.replacen(&place(number), &value.replace("{{", "{ {"), 1);
            parameters.push(value);
        }
        if LONGEST_TEXT < text.chars().count() {
            return Err(Trouble::new("too_long", format!("template {} got too long", self.name)));
        }
        let button = match (self.button, tracking) {
            (false, _) => None,
            (true, Some((url, token))) => {
                text = format!("{text}{BUTTON_MARK}{url}");
                Some(token.to_owned())
            }
            (true, None) => return Err(missing("the order's page")),
        };
        Ok(Worded {
            template: self.name.clone(),
            language_code: self.code(language).to_owned(),
            parameters,
            button,
            text,
        })
    }

    fn said_in(&self, language: Language) -> Option<&str> {
        let text = match language {
            Language::Arabic => &self.text.ar,
            Language::English => &self.text.en,
        };
        text.as_deref()
    }
}

fn place(number: usize) -> String {
    format!("{{{{{number}}}}}")
}

/// Parameters may have no line breaks, no tabs, and no four spaces in a row.
fn one_line(value: &str) -> String {
    value.split_whitespace().collect::<Vec<_>>().join(" ")
}
