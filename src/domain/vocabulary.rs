//! Closed sets of words that stand on the wire and in the database alike.

/// A word that its vocabulary does not hold.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{word:?} is not one of {}", allowed.join(", "))]
pub struct UnknownWord {
    /// What was said.
    pub word: String,
    /// What could have been.
    pub allowed: Vec<&'static str>,
}

/// Declares an enum whose members are words: one table for code, wire and database.
///
/// The words are `tt`, as a `literal` that has gone through a macro is wrapped, and `utoipa` does not look inside.
macro_rules! vocabulary {
    ($(#[$doc:meta])* pub enum $name:ident { $($(#[$member_doc:meta])* $member:ident = $word:tt,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[derive(serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
        pub enum $name {
            $($(#[$member_doc])* #[serde(rename = $word)] $member,)+
        }

        impl $name {
            /// Every member, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$member,)+];

            /// The word, as on the wire and in the database.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$member => $word,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::domain::UnknownWord;

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|it| it.as_str() == word).ok_or_else(|| {
                    $crate::domain::UnknownWord {
                        word: word.to_owned(),
                        allowed: Self::ALL.iter().map(|it| it.as_str()).collect(),
                    }
                })
            }
        }
    };
}

pub(crate) use vocabulary;
