//! How the connections to the broker stand.

use std::sync::Arc;

/// How the connections to the broker stand. In process there is nothing that could be away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Why nothing can be published, if so.
    pub publishing: Option<Arc<str>>,
    /// Why nothing can be consumed, if so.
    pub consuming: Option<Arc<str>>,
}

impl State {
    /// What is wrong, if anything.
    pub fn trouble(&self) -> Option<&str> {
        self.publishing.as_deref().or(self.consuming.as_deref())
    }
}
