//! The ready board on the wall: numbers only.

use crate::{channels::view::OrderView, domain::Order};

/// Number and status.
pub fn view(order: &Order) -> OrderView<'_> {
    OrderView { fulfilment: Some(order.fulfilment), ..OrderView::bare(order) }
}
