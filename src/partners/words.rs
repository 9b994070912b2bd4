//! From partners' words to ours: what tables have in common.

use std::collections::BTreeMap;

use crate::domain::{Courier, Reason, ReasonCode};

/// Finds a word in a table; partners are not careful with capitals. `000.*` in the table is every word that begins so; the
/// longest that fits counts.
pub(crate) fn look_up<T: Copy>(table: &BTreeMap<String, T>, word: &str) -> Option<T> {
    let same = table.iter().find(|(it, _)| it.eq_ignore_ascii_case(word));
    let begins = || {
        let fits = |it: &&String| it.strip_suffix('*').is_some_and(|it| word.starts_with(it));
        table.iter().filter(|(it, _)| fits(it)).max_by_key(|(it, _)| it.len())
    };
    same.or_else(begins).map(|(_, meaning)| *meaning)
}

/// A reason by the partner's table; a word that is not in it is kept as the note.
pub(crate) fn reason(table: &BTreeMap<String, ReasonCode>, word: String) -> Reason {
    match look_up(table, &word) {
        Some(code) => Reason { code, note: None },
        None => Reason { code: ReasonCode::Other, note: Some(word) },
    }
}

/// A courier of whom a partner tells.
///
/// Named after the order where there is no id: one made from the telephone would give it away to whoever tries all numbers.
/// With the partner's name in front, it cannot be that of one of the restaurant's own couriers either.
pub(crate) fn courier(
    partner: &str,
    id: Option<&str>,
    order: &str,
    (name, phone): (Option<String>, Option<String>),
) -> Option<Courier> {
    let is_known = id.is_some() || name.is_some() || phone.is_some();
    is_known.then(|| Courier { id: format!("{partner}:{}", id.unwrap_or(order)), name, phone })
}
