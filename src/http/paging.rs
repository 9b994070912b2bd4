//! Pages of a listing.

use crate::{app::Detail, base::cursor::Cursor, http::problem::Problem};

const USUAL: u32 = 50;
const MOST: u32 = 200;

/// How many rows a page has.
pub fn limit(wanted: Option<u32>) -> Result<u32, Problem> {
    match wanted {
        None => Ok(USUAL),
        Some(limit @ 1..=MOST) => Ok(limit),
        Some(_) => {
            let message = format!("must be between 1 and {MOST}");
            Err(Problem::faults(vec![Detail::new("limit", message)]))
        }
    }
}

/// Where a page begins.
pub fn cursor(text: Option<&str>) -> Result<Option<Cursor>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let wrong = || Problem::faults(vec![Detail::new("cursor", "take it from `nextCursor`")]);
    Cursor::decode(text).map(Some).ok_or_else(wrong)
}
