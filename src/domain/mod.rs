//! The order, its four axes and what happens to it. Pure: no clock, no I/O; nothing can fail but a rule.

mod actor;
mod change;
mod delivery;
mod endpoint;
mod envelope;
mod event;
mod event_type;
mod fact;
mod id;
mod merge;
mod money;
mod notification;
mod notify_rule;
mod order;
mod partner_order;
mod payment;
mod person;
mod refusal;
mod routing;
mod status;
mod store;
mod subject;
mod telling;
mod text;
mod ticket;
mod trace_context;
mod vocabulary;

// Other floors have closed sets of words too.
pub(crate) use self::vocabulary::vocabulary;
pub use self::{
    actor::{Actor, ActorKind},
    change::{Change, Command},
    delivery::{Courier, Delivery, DeliveryStatus},
    endpoint::EndpointFormat,
    envelope::{Envelope, EventError, FORMAT_VERSION, Metadata, SOURCE},
    event::{EventData, OrderData},
    event_type::EventType,
    fact::{Fact, Recorded},
    id::{
        AuditId, ConsentId, CredentialId, DeliveryId, EndpointId, EventId, IdError, InboxId,
        NotificationId, OrderId, PartnerCallId, StoreId,
    },
    merge::{Merged, News, Report},
    money::{Currency, Money, MoneyError},
    notification::{
        Audience, Category, Decision, Fate, MessageChannel, NotificationState, ReceiptStatus,
        Trouble,
    },
    notify_rule::{DELIVERY, InQuiet, NotifyRule, NotifyRules, QuietHours, happened},
    order::{Draft, Eta, Item, ItemOption, Milestone, Order},
    partner_order::{Amount, PartnerItem, PartnerOrder},
    payment::{Payment, PaymentMethod, PaymentStatus},
    person::{Address, Customer, Language, is_e164},
    refusal::{Reason, ReasonCode, Refusal},
    routing::Routing,
    status::{Fulfilment, OrderStatus},
    store::Store,
    subject::{Subject, SubjectId, SubjectType, SubjectTypes},
    telling::{PartnerAction, Telling, tellings},
    text::LocalizedText,
    ticket::{Ticket, TicketStatus},
    trace_context::TraceContext,
    vocabulary::UnknownWord,
};

/// Counts the changes of one order, from 1.
pub type Version = u32;

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
