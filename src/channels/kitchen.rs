//! The kitchen screen: what to make, and since when. Never a name, a phone number or an address.

use crate::{
    channels::view::{DeliveryView, ItemView, OrderView},
    domain::Order,
};

/// Tickets and items, without prices.
pub fn view(order: &Order) -> OrderView<'_> {
    let items = order.items.iter().map(|it| ItemView { unit_price: None, ..ItemView::full(it) });
    OrderView {
        store_id: Some(order.store_id),
        fulfilment: Some(order.fulfilment),
        source: Some(&order.source),
        delivery: Some(DeliveryView::bare(order)),
        tickets: Some(&order.tickets),
        items: Some(items.collect()),
        note: order.note.as_deref(),
        eta: order.eta,
        accept_by: order.answer_by(),
        reason: order.reason.as_ref(),
        timeline: Some(&order.timeline),
        placed_at: Some(order.placed_at),
        ..OrderView::bare(order)
    }
}
