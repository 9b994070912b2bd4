//! Full pages: everything that the reader may see.

use crate::{
    channels::view::{DeliveryView, ItemView, OrderView, first_word},
    domain::{Address, Customer, Order},
};

/// Everything.
pub fn full(order: &Order) -> OrderView<'_> {
    OrderView {
        store_id: Some(order.store_id),
        fulfilment: Some(order.fulfilment),
        source: Some(&order.source),
        external_id: order.external_id.as_deref(),
        delivery: Some(DeliveryView::new(order, true, true)),
        payment: Some(order.payment),
        tickets: Some(&order.tickets),
        items: Some(order.items.iter().map(ItemView::full).collect()),
        total: Some(order.total),
        customer: Some(order.customer.clone()),
        address: order.address.clone(),
        note: order.note.as_deref(),
        eta: order.eta,
        accept_by: order.answer_by(),
        reason: order.reason.as_ref(),
        timeline: Some(&order.timeline),
        placed_at: Some(order.placed_at),
        ..OrderView::bare(order)
    }
}

/// For whoever holds the link, which may have been passed on: the first name, the part of town, nothing to write to or ring at.
pub fn for_link(order: &Order) -> OrderView<'_> {
    let name = order.customer.name.as_deref().map(first_word).map(str::to_owned);
    let masked = |it: &Address| Address {
        area: it.area.clone(),
        city: it.city.clone(),
        ..Address::default()
    };
    OrderView {
        external_id: None,
        delivery: Some(DeliveryView::new(order, false, true)),
        customer: Some(Customer { name, language: order.customer.language, ..Customer::default() }),
        address: order.address.as_ref().map(masked),
        note: None,
        accept_by: None,
        ..full(order)
    }
}
