//! The stores for which partners bring orders.

use std::collections::{HashMap, VecDeque};

use crate::{
    app::Failure,
    domain::{PartnerOrder, Store, StoreId},
    store::{
        self, Tx,
        mappings::{self, STORE},
    },
};

/// Stores by the partner and the partner's name for them, with numbers for the orders that come without one.
#[derive(Default)]
pub struct Stores<'a> {
    found: HashMap<(&'a str, String), Store>,
    numbers: HashMap<StoreId, VecDeque<u32>>,
}

impl<'a> Stores<'a> {
    /// Finds the store of an order, and takes a number for it.
    pub async fn find(
        &mut self,
        tx: &mut Tx,
        partner: &'a str,
        order: &PartnerOrder,
    ) -> Result<(), Failure> {
        if order.is_test {
            return Ok(());
        }
        let key = (partner, order.store.clone());
        if !self.found.contains_key(&key) {
            let ids = mappings::resolve(tx, partner, STORE, &[&order.store]).await?;
            let Some((_, id)) = ids.into_iter().next() else { return Ok(()) };
            let store = store::stores::get(tx, StoreId::from_uuid(id)).await?;
            let Some(store) = store else { return Ok(()) };
            self.found.insert(key.clone(), store);
        }
        let Some(store) = self.found.get(&key).filter(|_| order.number.is_none()) else {
            return Ok(());
        };
        let number = store::stores::next_number(tx, store.id).await?;
        self.numbers.entry(store.id).or_default().push_back(number);
        Ok(())
    }

    /// The store of an order, and the order's number.
    pub fn get(&mut self, partner: &'a str, order: &PartnerOrder) -> Option<(&Store, String)> {
        let store = self.found.get(&(partner, order.store.clone()))?;
        let number = match &order.number {
            Some(number) => number.clone(),
            None => self.numbers.get_mut(&store.id)?.pop_front()?.to_string(),
        };
        Some((store, number))
    }
}
