//! The partners that are played, and their part in an order.

/// A partner that is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Partner {
    /// Brings orders, and carries them.
    Careem,
    /// Brings orders, and carries them; does not say that they have arrived.
    Talabat,
    /// Brings orders, and carries them.
    Deliveroo,
    /// Carries orders of the restaurant's own.
    UberDirect,
    /// Whoever speaks our own format. Brings orders, and carries those of the restaurant too.
    Generic,
}

impl Partner {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Careem, Self::Talabat, Self::Deliveroo, Self::UberDirect, Self::Generic];

    /// Those where people can order.
    pub const MARKETS: [Self; 4] = [Self::Careem, Self::Talabat, Self::Deliveroo, Self::Generic];

    /// Its name in URLs and settings.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Careem => "careem",
            Self::Talabat => "talabat",
            Self::Deliveroo => "deliveroo",
            Self::UberDirect => "uber_direct",
            Self::Generic => "generic",
        }
    }
}

/// Which part a partner has in an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It was placed there, and is carried by it.
    Brings,
    /// It is the restaurant's own, and carried by it.
    Carries,
}
