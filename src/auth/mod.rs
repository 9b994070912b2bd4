//! Who calls, and what they may do: tokens, and the rules of authority as pure functions on their bearer.

mod authority;
mod caller;
mod claims;
pub mod keys;
mod public_keys;
mod scope;
mod tokens;

pub use self::{
    authority::MissingScope,
    caller::{Caller, Role, Stores},
    claims::{ClaimsError, Grant, TokenError},
    keys::{KeyError, Keys},
    scope::{Scope, ScopeSet},
    tokens::{RenewalRefused, Tokens},
};

#[cfg(test)]
mod tests;
