//! The courier's app: where to, to whom, and what to collect.

use crate::{
    channels::view::{DeliveryView, ItemView, OrderView},
    domain::{Customer, Order},
};

/// Address, the customer's name and phone, the total.
pub fn view(order: &Order) -> OrderView<'_> {
    let customer = Customer { id: None, ..order.customer.clone() };
    OrderView {
        store_id: Some(order.store_id),
        fulfilment: Some(order.fulfilment),
        delivery: Some(DeliveryView::new(order, true, true)),
        payment: Some(order.payment),
        items: Some(order.items.iter().map(ItemView::bare).collect()),
        total: Some(order.total),
        customer: Some(customer),
        address: order.address.clone(),
        eta: order.eta,
        placed_at: Some(order.placed_at),
        ..OrderView::bare(order)
    }
}
