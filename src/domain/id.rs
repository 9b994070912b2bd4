//! Typed ids: a UUID version 7 behind a prefix, so that one kind cannot pass for another.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

/// A text that is not an id of the wanted kind.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id of this kind looks like {prefix}_ and 32 lower-case hexadecimal digits")]
pub struct IdError {
    /// What the id must begin with.
    pub prefix: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a raw id; for those who mint ids and those who read them from the store.
            pub const fn from_uuid(raw: Uuid) -> Self {
                Self(raw)
            }

            /// The raw id, as the store keeps it.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!($prefix, "_"))?;
                fmt::Display::fmt(&self.0.simple(), f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                parse(text, concat!($prefix, "_"))
                    .map(Self)
                    .ok_or(IdError { prefix: $prefix })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .pattern(Some(concat!("^", $prefix, "_[0-9a-f]{32}$")))
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {}
    };
}

id!(
    /// Names one order for its whole life.
    OrderId, "ord"
);
id!(
    /// Names one store (a branch) of a restaurant.
    StoreId, "str"
);
id!(
    /// Names one event, over all its deliveries.
    EventId, "evt"
);
id!(
    /// Names one stored call of a partner.
    InboxId, "inb"
);
id!(
    /// Names one thing that a partner is told.
    PartnerCallId, "pcl"
);
id!(
    /// Names one entry of the audit log.
    AuditId, "aud"
);
id!(
    /// Names one notification, and comes back from the channel with its receipts.
    NotificationId, "ntf"
);
id!(
    /// Names one entry of the consent ledger.
    ConsentId, "cns"
);
id!(
    /// Names one credential of a partner.
    CredentialId, "crd"
);
id!(
    /// Names one endpoint of the restaurant's own systems.
    EndpointId, "ep"
);
id!(
    /// Names one event on its way to one endpoint.
    DeliveryId, "dlv"
);

fn parse(text: &str, prefix: &str) -> Option<Uuid> {
    let digits = text.strip_prefix(prefix)?;
    // `Uuid` would also take hyphens and capitals: one id must have one spelling.
    let plain =
        digits.len() == 32 && digits.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'));
    plain.then(|| Uuid::try_parse(digits).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_spelling_and_one_kind() {
        let id = OrderId::from_uuid(Uuid::from_u128(0xabc));
        let text = id.to_string();
        assert_eq!(text, "ord_00000000000000000000000000000abc");
        assert_eq!(text.parse(), Ok(id));
        assert!(text.parse::<StoreId>().is_err());
        assert!(text.to_uppercase().parse::<OrderId>().is_err());
        assert!("ord_00000000-0000-0000-0000-000000000abc".parse::<OrderId>().is_err());
    }
}
