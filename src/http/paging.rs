//! Pages of a listing: which one is asked for, and its body.

use std::borrow::Cow;

use axum::{
    extract::FromRequestParts,
    http::{Uri, request::Parts},
};
use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    app::Detail,
    base::cursor::{Cursor, PageRequest},
    http::{extract::read_query, problem::Problem},
};

const USUAL: u32 = 50;
const MOST: u32 = 200;

/// Which page of a listing is wanted: a part of the query string of each.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageParams {
    /// At most so many: 1 to 200, 50 when left out.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The `nextCursor` of the page before.
    cursor: Option<String>,
}

/// The query string of a listing: what is looked for, and which page of it.
#[derive(Debug)]
pub struct PageQuery<T>(pub T, pub PageRequest);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for PageQuery<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        // serde cannot flatten `PageParams` into what refuses unknown fields.
        let (page, wanted): (Vec<_>, Vec<_>) = form_urlencoded::parse(query.as_bytes())
            .partition(|(name, _)| matches!(&**name, "limit" | "cursor"));
        Ok(Self(read(&wanted)?, read::<PageParams>(&page)?.request()?))
    }
}

fn read<T: DeserializeOwned>(pairs: &[(Cow<'_, str>, Cow<'_, str>)]) -> Result<T, Problem> {
    let mut query = form_urlencoded::Serializer::for_suffix("/?".to_owned(), 2);
    let query = query.extend_pairs(pairs).finish();
    let uri: Uri = query.parse().map_err(|_| Problem::invalid("The query is too long."))?;
    read_query(&uri)
}

impl PageParams {
    fn request(self) -> Result<PageRequest, Problem> {
        let limit = self.limit.unwrap_or(USUAL);
        if !(1..=MOST).contains(&limit) {
            let message = format!("must be between 1 and {MOST}");
            return Err(Problem::faults(vec![Detail::new("limit", message)]));
        }
        let after = self.cursor.as_deref().map(Cursor::decode);
        if after == Some(None) {
            return Err(Problem::faults(vec![Detail::new("cursor", "take it from `nextCursor`")]));
        }
        Ok(PageRequest { after: after.flatten(), limit })
    }
}

/// The body of a page, made from a [`Page`](crate::base::cursor::Page): `page_body! { /// A page of calls. CallList { calls: CallBody } }`.
macro_rules! page_body {
    (#[doc = $doc:literal] $name:ident $(<$life:lifetime>)? { $rows:ident: $row:ty }) => {
        #[doc = $doc]
        #[derive(Debug, serde::Serialize, utoipa::ToSchema)]
        #[serde(rename_all = "camelCase")]
        pub struct $name $(<$life>)? {
            /// Newest first.
            $rows: Vec<$row>,
            /// Where the next page begins; left out on the last page.
            #[serde(skip_serializing_if = "Option::is_none")]
            next_cursor: Option<String>,
        }

        impl<$($life,)? Row: Into<$row>> From<$crate::base::cursor::Page<Row>> for $name $(<$life>)? {
            fn from(page: $crate::base::cursor::Page<Row>) -> Self {
                Self {
                    $rows: page.rows.into_iter().map(Into::into).collect(),
                    next_cursor: page.next.map(|cursor| cursor.encode()),
                }
            }
        }
    };
}

pub(in crate::http) use page_body;
