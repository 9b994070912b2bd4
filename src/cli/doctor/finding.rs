//! What a check finds.

/// What was found, and how bad it is.
pub enum Finding {
    /// Works.
    Well(String),
    /// Works, but somebody should know.
    Note(String),
    /// Does not work.
    Ill {
        /// What is wrong.
        what: String,
        /// What to do.
        remedy: String,
    },
}

/// Something that does not work, and what to do about it.
pub fn ill(what: impl Into<String>, remedy: impl Into<String>) -> Finding {
    Finding::Ill { what: what.into(), remedy: remedy.into() }
}
