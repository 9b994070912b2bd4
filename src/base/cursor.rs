//! Opaque cursors: where the next page of a listing begins.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use uuid::Uuid;

/// The last row of a page: its moment, then its id to tell equals apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The moment that the listing is sorted by.
    pub at: Timestamp,
    /// The row's id.
    pub id: Uuid,
}

impl Cursor {
    /// As callers see it.
    pub fn encode(&self) -> String {
        let mut bytes = [0; 24];
        let (at, id) = bytes.split_at_mut(8);
        at.copy_from_slice(&self.at.as_microsecond().to_be_bytes());
        id.copy_from_slice(self.id.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads what [`Cursor::encode`] wrote; `None` for anything else.
    pub fn decode(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (at, id) = bytes.split_at_checked(8)?;
        let at = Timestamp::from_microsecond(i64::from_be_bytes(at.try_into().ok()?)).ok()?;
        Some(Self { at, id: Uuid::from_slice(id).ok()? })
    }
}

/// Which page of a listing is wanted.
#[derive(Clone, Copy, Debug)]
pub struct PageRequest {
    /// The last row of the page before; `None` for the first page.
    pub after: Option<Cursor>,
    /// How many rows it has at most.
    pub limit: u32,
}

impl PageRequest {
    /// The first page.
    pub const fn first(limit: u32) -> Self {
        Self { after: None, limit }
    }
}

/// One page of a listing.
#[derive(Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// Its rows.
    pub rows: Vec<T>,
    /// Where the next page begins, if there is one.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// The first `limit` of `rows`, of which one more was asked for to see whether another page follows.
    pub fn of(mut rows: Vec<T>, limit: u32, cursor: impl FnOnce(&T) -> Cursor) -> Self {
        let more = (limit as usize) < rows.len();
        rows.truncate(limit as usize);
        let next = rows.last().filter(|_| more).map(cursor);
        Self { rows, next }
    }

    /// The same page of other rows.
    pub fn map<U>(self, map: impl FnMut(T) -> U) -> Page<U> {
        Page { rows: self.rows.into_iter().map(map).collect(), next: self.next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_whether_another_follows() {
        let cursor = |it: &u128| Cursor { at: Timestamp::UNIX_EPOCH, id: Uuid::from_u128(*it) };
        let page = Page::of(vec![3, 2, 1], 2, cursor);
        assert_eq!((page.rows, page.next), (vec![3, 2], Some(cursor(&2))));
        assert_eq!(Page::of(vec![3, 2], 2, cursor).next, None);
        assert_eq!(Page::of(Vec::new(), 2, cursor).next, None);
    }

    #[test]
    fn a_cursor_survives_its_trip_through_a_caller() {
        let cursor = Cursor { at: Timestamp::UNIX_EPOCH, id: Uuid::from_u128(7) };
        assert_eq!(Cursor::decode(&cursor.encode()), Some(cursor));
        assert_eq!(Cursor::decode("nonsense"), None);
        assert_eq!(Cursor::decode(""), None);
    }
}
