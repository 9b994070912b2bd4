//! What a setting is, and how a section of settings is declared.

use std::{fmt::Display, net::SocketAddr, path::PathBuf};

use crate::{
    config::{LogFormat, Span, Spans},
    domain::Language,
};

/// One setting, for those who print the list.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Its dotted name: `live.ping_every`.
    pub name: String,
    /// The default.
    pub default: String,
    /// What it may be, where that is bounded.
    pub allowed: Option<String>,
    /// What it means.
    pub doc: String,
}

/// Prints a default as one would write it.
pub trait Shown {
    /// `15s`, `not set`, `[]`…
    fn shown(&self) -> String;
}

macro_rules! shown {
    ($($kind:ty),+) => { $(impl Shown for $kind { fn shown(&self) -> String { self.to_string() } })+ };
}
shown!(u16, u32, u64, usize, bool, String, Span, Spans, SocketAddr, LogFormat, Language);

impl Shown for PathBuf {
    fn shown(&self) -> String {
        self.display().to_string()
    }
}

impl<T> Shown for Option<T> {
    fn shown(&self) -> String {
        "not set".to_owned()
    }
}

impl<T> Shown for Vec<T> {
    fn shown(&self) -> String {
        "[]".to_owned()
    }
}

/// Prints bounds as one would say them.
pub fn range<T: Display>(low: T, high: T) -> String {
    format!("{low} to {high}")
}

/// Declares a section: fields, defaults, bounds and words in one place.
macro_rules! section {
    (
        $(#[$doc:meta])*
        pub struct $name:ident as $section:literal {
            $($(#[doc = $words:literal])+ $field:ident: $kind:ty = $default:expr $(, in $low:expr, $high:expr)?;)+
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            $($(#[doc = $words])+ pub $field: $kind,)+
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        impl $name {
            pub(in crate::config) fn check(&self, wrong: &mut Vec<String>) {
                $($(
                    let (low, high): ($kind, $kind) = ($low, $high);
                    if self.$field < low || high < self.$field {
                        wrong.push(format!(
                            "{}.{} is {}; it must be between {low} and {high}",
                            $section, stringify!($field), self.$field,
                        ));
                    }
                )?)+
                let _unbounded_sections_push_nothing = wrong;
            }

            pub(in crate::config) fn list(settings: &mut Vec<Setting>) {
                let default = Self::default();
                $(
                    settings.push(Setting {
                        name: format!("{}.{}", $section, stringify!($field)),
                        default: default.$field.shown(),
                        allowed: [$(range::<$kind>($low, $high))?].into_iter().next(),
                        doc: [$($words),+].map(str::trim).join(" "),
                    });
                )+
            }
        }
    };
}

pub(crate) use section;
