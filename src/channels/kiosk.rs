//! The store's own kiosk, where anybody may look.

use crate::{
    channels::view::{ItemView, OrderView},
    domain::Order,
};

/// Number, status, items.
pub fn view(order: &Order) -> OrderView<'_> {
    OrderView {
        fulfilment: Some(order.fulfilment),
        items: Some(order.items.iter().map(ItemView::bare).collect()),
        total: Some(order.total),
        placed_at: Some(order.placed_at),
        ..OrderView::bare(order)
    }
}
