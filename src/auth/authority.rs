//! The rules of authority: pure, closed, and all in one file.

use crate::{
    auth::{Caller, Role, Scope, Stores},
    domain::{Order, StoreId, SubjectType, SubjectTypes},
};

/// The token is not one for all stores with this scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this takes a token for all stores with the scope {0}")]
pub struct MissingScope(Scope);

impl Caller {
    /// May see this order: its customer, its courier, its tracking link, staff of its store, services with `orders:read`.
    ///
    /// How much of it they see is for the channel to say.
    pub fn may_read(&self, order: &Order) -> bool {
        match self.role {
            Role::Customer => order.customer.id.as_deref() == Some(self.subject.as_str()),
            Role::Courier => {
                let courier = order.delivery.courier.as_ref();
                courier.is_some_and(|it| it.id == self.subject)
            }
            Role::Tracking => self.order == Some(order.id),
            Role::Staff | Role::Service => self.may_read_store(order.store_id),
        }
    }

    /// May move this order, its tickets, its times and its payment: staff of its store, services with `orders:write`.
    pub fn may_serve(&self, order: &Order) -> bool {
        self.may_serve_store(order.store_id)
    }

    /// May place and move orders at this store: its staff, services with `orders:write`.
    pub fn may_serve_store(&self, store: StoreId) -> bool {
        self.works_at(store, Scope::OrdersWrite)
    }

    /// May call this order off as the one who ordered it. Whether it is not too late is for the order to say.
    pub fn may_cancel_as_customer(&self, order: &Order) -> bool {
        self.role == Role::Customer && self.may_read(order)
    }

    /// May see all orders of this store: its staff, services with `orders:read`.
    pub fn may_read_store(&self, store: StoreId) -> bool {
        self.works_at(store, Scope::OrdersRead)
    }

    /// May see all orders of this customer, at whatever store: that customer, services of all stores with `orders:read`.
    pub fn may_read_customer(&self, customer: &str) -> bool {
        let is_them = self.role == Role::Customer && self.subject == customer;
        is_them || self.reads_everywhere()
    }

    /// May see all orders that this courier carries: that courier, services of all stores with `orders:read`.
    pub fn may_read_courier(&self, courier: &str) -> bool {
        let is_them = self.role == Role::Courier && self.subject == courier;
        is_them || self.reads_everywhere()
    }

    /// The types of subjects, beside orders, of which the caller may see events that belong to the stores it reaches. Of stores: as
    /// [`Caller::may_read_store_settings`].
    pub const fn subjects_seen(&self) -> SubjectTypes {
        match self.role {
            Role::Staff => SubjectTypes::NONE.with(SubjectType::Store),
            Role::Service if self.has(Scope::StoresRead) => {
                SubjectTypes::NONE.with(SubjectType::Store)
            }
            Role::Service | Role::Customer | Role::Courier | Role::Tracking => SubjectTypes::NONE,
        }
    }

    /// May see every order of every store: staff and services of all stores, with `ops`.
    pub fn may_watch_all(&self) -> bool {
        self.require(Scope::Ops).is_ok()
    }

    /// May know that this store is there: staff and services whose token reaches it, whatever their scopes.
    pub fn may_know_store(&self, store: StoreId) -> bool {
        matches!(self.role, Role::Staff | Role::Service) && self.stores.contains(store)
    }

    /// May see how this store is set up: its staff, services with `stores:read`.
    pub fn may_read_store_settings(&self, store: StoreId) -> bool {
        self.works_at(store, Scope::StoresRead)
    }

    /// May change this store's settings: its staff and services, with `stores:write`.
    pub fn may_change_store_settings(&self, store: StoreId) -> bool {
        self.works_at(store, Scope::StoresWrite) && self.has(Scope::StoresWrite)
    }

    /// Checks the right to what belongs to no one store: opening stores and naming them for partners, the consent ledger, the traffic with
    /// partners and their credentials, templates. Staff and services of all stores have it, with this scope.
    pub fn require(&self, scope: Scope) -> Result<(), MissingScope> {
        if self.works_everywhere() && self.has(scope) { Ok(()) } else { Err(MissingScope(scope)) }
    }

    /// May see what people were told of this store's orders: its staff, services with `notifications:write`.
    pub fn may_read_notifications(&self, store: StoreId) -> bool {
        self.works_at(store, Scope::NotificationsWrite)
    }

    /// May change what people are told of this store's orders, and tell them once more: its staff and services, with
    /// `notifications:write`.
    pub fn may_change_notifications(&self, store: StoreId) -> bool {
        self.works_at(store, Scope::NotificationsWrite) && self.has(Scope::NotificationsWrite)
    }

    /// May see what people were told, of whichever store and of none, and see to the templates: staff and services of all stores, with
    /// `notifications:write`.
    pub fn may_see_to_messages(&self) -> bool {
        self.require(Scope::NotificationsWrite).is_ok()
    }

    /// May see endpoints that are told of these stores' events (none: of all): staff and services of all these, with `webhooks:read`.
    pub fn may_read_endpoints(&self, stores: &[StoreId]) -> bool {
        self.works_at_all(stores) && self.has(Scope::WebhooksRead)
    }

    /// May change endpoints that are told of these stores' events (none: of all): staff and services of all these, with
    /// `webhooks:write`.
    pub fn may_change_endpoints(&self, stores: &[StoreId]) -> bool {
        self.works_at_all(stores) && self.has(Scope::WebhooksWrite)
    }

    /// At these stores; none stands for every one.
    fn works_at_all(&self, stores: &[StoreId]) -> bool {
        let crew = matches!(self.role, Role::Staff | Role::Service);
        crew && match &self.stores {
            Stores::All => true,
            Stores::Only(own) => !stores.is_empty() && stores.iter().all(|it| own.contains(it)),
        }
    }

    /// Staff need no scope for the daily work of their stores; services need one for everything.
    fn works_at(&self, store: StoreId, scope: Scope) -> bool {
        match self.role {
            Role::Staff => self.stores.contains(store),
            Role::Service => self.stores.contains(store) && self.has(scope),
            Role::Customer | Role::Courier | Role::Tracking => false,
        }
    }

    fn works_everywhere(&self) -> bool {
        matches!(self.role, Role::Staff | Role::Service) && self.stores == Stores::All
    }

    /// A service that is bound to stores must not look past them by way of a person.
    fn reads_everywhere(&self) -> bool {
        self.role == Role::Service && self.stores == Stores::All && self.has(Scope::OrdersRead)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::{
        auth::{ScopeSet, Stores},
        domain::{Courier, OrderId, samples},
    };

    fn caller(role: Role, subject: &str, scopes: &[Scope], stores: Stores) -> Caller {
        Caller {
            role,
            subject: subject.to_owned(),
            scopes: scopes.iter().copied().collect::<ScopeSet>(),
            stores,
            order: None,
            expires_at: Timestamp::MAX,
            first_issued_at: Timestamp::UNIX_EPOCH,
            issued_here: true,
        }
    }

    fn order() -> Order {
        let mut order = samples::order();
        order.customer.id = Some("sami".to_owned());
        order.delivery.courier = Some(Courier { id: "omar".to_owned(), name: None, phone: None });
        order
    }

    fn here() -> Stores {
        Stores::Only(vec![samples::store()])
    }

    fn elsewhere() -> Stores {
        Stores::Only(vec![samples::other_store()])
    }

    #[test]
    fn customers_see_and_cancel_their_own_orders_only() {
        let sami = caller(Role::Customer, "sami", Scope::ALL, Stores::All);
        assert!(sami.may_read(&order()) && sami.may_cancel_as_customer(&order()));
        assert!(sami.may_read_customer("sami") && !sami.may_read_customer("rana"));
        assert!(!sami.may_serve(&order()) && !sami.may_read_store(samples::store()));
        assert!(!sami.may_watch_all() && !sami.may_read_courier("sami"));
        let rana = caller(Role::Customer, "rana", &[], Stores::NONE);
        assert!(!rana.may_read(&order()) && !rana.may_cancel_as_customer(&order()));
    }

    #[test]
    fn an_order_without_a_customer_id_belongs_to_no_customer() {
        let mut order = order();
        order.customer.id = None;
        assert!(!caller(Role::Customer, "", &[], Stores::NONE).may_read(&order));
    }

    #[test]
    fn couriers_see_what_they_carry() {
        let omar = caller(Role::Courier, "omar", Scope::ALL, Stores::All);
        assert!(omar.may_read(&order()) && omar.may_read_courier("omar"));
        assert!(!omar.may_read_courier("zaid") && !omar.may_read_customer("omar"));
        assert!(!omar.may_serve(&order()) && !omar.may_cancel_as_customer(&order()));
        assert!(!caller(Role::Courier, "zaid", &[], Stores::NONE).may_read(&order()));
        let mut free = order();
        free.delivery.courier = None;
        assert!(!omar.may_read(&free));
    }

    #[test]
    fn a_tracking_link_shows_exactly_its_order() {
        let mut link = caller(Role::Tracking, "x", Scope::ALL, Stores::All);
        assert!(!link.may_read(&order()));
        link.order = Some(order().id);
        assert!(link.may_read(&order()));
        assert!(!link.may_serve(&order()) && !link.may_cancel_as_customer(&order()));
        assert!(!link.may_read_store(samples::store()) && !link.may_watch_all());
        link.order = Some(OrderId::from_uuid(uuid::Uuid::from_u128(99)));
        assert!(!link.may_read(&order()));
    }

    #[test]
    fn staff_work_at_their_stores_without_a_scope() {
        let sara = caller(Role::Staff, "sara", &[], here());
        assert!(sara.may_read(&order()) && sara.may_serve(&order()));
        assert!(
            sara.may_read_store(samples::store()) && !sara.may_read_store(samples::other_store())
        );
        assert!(sara.may_read_store_settings(samples::store()));
        assert!(sara.require(Scope::StoresWrite).is_err());
        assert!(!sara.may_cancel_as_customer(&order()) && !sara.may_read_customer("sami"));
        let other = caller(Role::Staff, "ali", Scope::ALL, elsewhere());
        assert!(!other.may_read(&order()) && !other.may_serve(&order()));
        assert!(other.require(Scope::StoresWrite).is_err());
    }

    #[test]
    fn services_do_what_their_scopes_say_at_their_stores() {
        let reader = caller(Role::Service, "pos", &[Scope::OrdersRead], Stores::All);
        assert!(reader.may_read(&order()) && !reader.may_serve(&order()));
        assert!(reader.may_read_customer("sami") && reader.may_read_courier("omar"));
        assert!(!reader.may_read_store_settings(samples::store()));
        let writer = caller(Role::Service, "pos", &[Scope::OrdersWrite], here());
        assert!(writer.may_serve(&order()) && !writer.may_read(&order()));
        let bound = caller(Role::Service, "pos", Scope::ALL, elsewhere());
        assert!(!bound.may_read(&order()) && !bound.may_serve(&order()));
        assert!(!bound.may_read_customer("sami") && !bound.may_read_courier("omar"));
    }

    #[test]
    fn endpoints_belong_to_whoever_works_at_all_their_stores_and_has_the_scope() {
        let both = [samples::store(), samples::other_store()];
        let scopes = [Scope::WebhooksRead, Scope::WebhooksWrite];
        for role in [Role::Staff, Role::Service] {
            let headquarters = caller(role, "x", &scopes, Stores::All);
            assert!(headquarters.may_read_endpoints(&[]) && headquarters.may_change_endpoints(&[]));
            assert!(headquarters.may_change_endpoints(&both));
            let branch = caller(role, "x", &scopes, here());
            assert!(branch.may_change_endpoints(&[samples::store()]));
            assert!(!branch.may_change_endpoints(&[]) && !branch.may_read_endpoints(&both));
            let reader = caller(role, "x", &[Scope::WebhooksRead], Stores::All);
            assert!(reader.may_read_endpoints(&[]) && !reader.may_change_endpoints(&[]));
        }
        assert!(!caller(Role::Customer, "x", Scope::ALL, Stores::All).may_read_endpoints(&[]));
    }

    #[test]
    fn only_all_stores_and_the_scope_open_what_belongs_to_no_one_store() {
        for role in [Role::Staff, Role::Service] {
            assert!(caller(role, "x", &[Scope::Ops], Stores::All).may_watch_all());
            assert!(!caller(role, "x", &[Scope::Ops], here()).may_watch_all());
            assert!(!caller(role, "x", &[Scope::InboxRead], Stores::All).may_watch_all());
            for scope in Scope::ALL {
                assert_eq!(caller(role, "x", &[*scope], Stores::All).require(*scope), Ok(()));
                let lacks = Err(MissingScope(*scope));
                assert_eq!(caller(role, "x", &[*scope], here()).require(*scope), lacks);
                let others: Vec<_> = Scope::ALL.iter().copied().filter(|it| it != scope).collect();
                assert_eq!(caller(role, "x", &others, Stores::All).require(*scope), lacks);
            }
        }
        let customer = caller(Role::Customer, "x", Scope::ALL, Stores::All);
        assert!(customer.require(Scope::StoresRead).is_err());
        assert!(!caller(Role::Customer, "x", Scope::ALL, Stores::All).may_watch_all());
    }
}
