//! The closed list of scopes.

use std::{fmt, str::FromStr};

use crate::domain::{UnknownWord, vocabulary};

vocabulary! {
    /// What a token allows beyond what its role allows by itself.
    pub enum Scope {
        /// A service reads orders.
        OrdersRead = "orders:read",
        /// A service places and moves orders.
        OrdersWrite = "orders:write",
        /// A service reads stores and their settings.
        StoresRead = "stores:read",
        /// Staff or a service changes stores and their settings.
        StoresWrite = "stores:write",
        /// Staff or a service reads and retries the stored calls of partners.
        InboxRead = "inbox:read",
        /// Staff or a service changes what partners prove themselves with.
        PartnersWrite = "partners:write",
        /// Staff or a service sees which of the restaurant's own systems are told of events, and of what they were told.
        WebhooksRead = "webhooks:read",
        /// Staff or a service changes that.
        WebhooksWrite = "webhooks:write",
        /// Staff or a service changes what people are told, and sees what they were told.
        NotificationsWrite = "notifications:write",
        /// Staff or a service keeps the consent ledger, and hands out or erases what is known of a person.
        ContactsWrite = "contacts:write",
        /// Staff or a service watches every order of every store, and the server itself.
        Ops = "ops",
    }
}

/// Some of the scopes.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct ScopeSet(u64);

impl ScopeSet {
    /// None of them.
    pub const NONE: Self = Self(0);

    /// Whether it holds this one.
    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & bit(scope) != 0
    }

    /// Those it holds, in the order of the list.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.iter().copied().filter(move |it| self.contains(*it))
    }

    /// Reads the words that stand on the list and passes over all others.
    pub fn known_in(words: &str) -> Self {
        words.split_whitespace().filter_map(|it| it.parse().ok()).collect()
    }
}

impl FromIterator<Scope> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | bit(scope)))
    }
}

/// Words with spaces between them; the first that is not on the list is an error.
impl FromStr for ScopeSet {
    type Err = UnknownWord;

    fn from_str(words: &str) -> Result<Self, UnknownWord> {
        words.split_whitespace().map(str::parse).collect()
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.iter().map(Scope::as_str).collect();
        f.write_str(&words.join(" "))
    }
}

impl fmt::Debug for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

const fn bit(scope: Scope) -> u64 {
    const { assert!(Scope::ALL.len() <= u64::BITS as usize) };
    1 << scope as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_go_to_text_and_back() {
        let all: ScopeSet = Scope::ALL.iter().copied().collect();
        assert_eq!(all.to_string().parse(), Ok(all));
        assert_eq!(" ops  orders:read".parse::<ScopeSet>().unwrap().to_string(), "orders:read ops");
        assert_eq!("".parse(), Ok(ScopeSet::NONE));
    }

    #[test]
    fn an_unknown_scope_is_named() {
        let error = "orders:read order:read".parse::<ScopeSet>().unwrap_err();
        assert!(
            error.to_string().starts_with("\"order:read\" is not one of orders:read"),
            "{error}"
        );
        assert_eq!(ScopeSet::known_in("openid ops").to_string(), "ops");
    }
}
