//! The customer's phone: small, and without personal data.

use crate::{
    channels::view::{CourierView, DeliveryView, OrderView, first_word},
    domain::Order,
};

/// Status, times, the courier's first name, the total.
pub fn view(order: &Order) -> OrderView<'_> {
    let name = order.delivery.courier.as_ref().and_then(|it| it.name.as_deref()).map(first_word);
    let courier = name.map(|name| CourierView { id: None, name: Some(name), phone: None });
    OrderView {
        fulfilment: Some(order.fulfilment),
        delivery: Some(DeliveryView { courier, ..DeliveryView::bare(order) }),
        payment: Some(order.payment),
        total: Some(order.total),
        eta: order.eta,
        reason: order.reason.as_ref(),
        timeline: Some(&order.timeline),
        placed_at: Some(order.placed_at),
        ..OrderView::bare(order)
    }
}
