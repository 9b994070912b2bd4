//! Words in more than one language.

use serde::{Deserialize, Serialize};

/// What people read, in English, Arabic or both: `{"en": "Burger", "ar": "برغر"}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LocalizedText {
    /// English.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub en: Option<String>,
    /// Arabic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ar: Option<String>,
}

impl LocalizedText {
    /// Both languages.
    pub fn new(en: impl Into<String>, ar: impl Into<String>) -> Self {
        Self { en: Some(en.into()), ar: Some(ar.into()) }
    }

    /// Whether nothing can be read in it.
    pub fn is_empty(&self) -> bool {
        [&self.en, &self.ar].into_iter().flatten().all(|it| it.trim().is_empty())
    }

    /// The longer of the two, in characters.
    pub fn len(&self) -> usize {
        [&self.en, &self.ar].into_iter().flatten().map(|it| it.chars().count()).max().unwrap_or(0)
    }
}
