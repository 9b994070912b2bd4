//! Money: whole minor units and an ISO 4217 currency. JOD, KWD, BHD and OMR have three decimals.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer, ser::SerializeStruct};

/// A currency by its ISO 4217 code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Currency(iso_currency::Currency);

impl Currency {
    /// The Jordanian dinar.
    pub const JOD: Self = Self(iso_currency::Currency::JOD);

    /// Finds a currency by its three letters.
    pub fn from_code(code: &str) -> Option<Self> {
        iso_currency::Currency::from_code(code).map(Self)
    }

    /// The three letters.
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// How many decimals its minor unit has (ISO 4217, list one).
    pub fn decimals(self) -> u8 {
        self.0.exponent().and_then(|it| u8::try_from(it).ok()).unwrap_or(0)
    }
}

/// An amount that is never a fraction of a minor unit.
///
/// On the wire: `{"amount": 9860, "currency": "JOD", "decimal": "9.860"}`; `decimal` is for reading only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
pub struct Money {
    /// In minor units: 9860 of JOD is 9.860 dinars.
    pub amount: i64,
    /// Of what.
    pub currency: Currency,
}

/// Amounts that cannot be put together.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Two currencies.
    #[error("{left} and {right} cannot be added up")]
    Currencies {
        /// What there was.
        left: &'static str,
        /// What was to be added.
        right: &'static str,
    },
    /// More than fits.
    #[error("the amount is too large")]
    Overflow,
}

impl Money {
    /// So many minor units.
    pub const fn new(amount: i64, currency: Currency) -> Self {
        Self { amount, currency }
    }

    /// Reads a decimal number: `9.86` JOD is 9860. `None` for anything else, and for more decimals than the currency has.
    pub fn from_decimal(text: &str, currency: Currency) -> Option<Self> {
        let (sign, digits) = text.strip_prefix('-').map_or((1, text), |it| (-1, it));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let fraction = fraction.trim_end_matches('0');
        let decimals = usize::from(currency.decimals());
        let is_plain = |it: &str| it.bytes().all(|it| it.is_ascii_digit());
        if whole.is_empty() || !is_plain(whole) || !is_plain(fraction) || decimals < fraction.len()
        {
            return None;
        }
        let minor: i64 = format!("{whole}{fraction:0<decimals$}").parse().ok()?;
        Some(Self::new(sign * minor, currency))
    }

    /// The sum, if there is one.
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::Currencies {
                left: self.currency.code(),
                right: other.currency.code(),
            });
        }
        let amount = self.amount.checked_add(other.amount).ok_or(MoneyError::Overflow)?;
        Ok(Self { amount, ..self })
    }

    /// So many times as much.
    pub fn times(self, count: u32) -> Result<Self, MoneyError> {
        let amount = self.amount.checked_mul(i64::from(count)).ok_or(MoneyError::Overflow)?;
        Ok(Self { amount, ..self })
    }
}

/// The amount with its currency's decimals and without the currency: `9.860`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = usize::from(self.currency.decimals());
        let unit = 10_u64.pow(u32::from(self.currency.decimals()));
        let sign = if self.amount < 0 { "-" } else { "" };
        let amount = self.amount.unsigned_abs();
        write!(f, "{sign}{}", amount / unit)?;
        if decimals > 0 {
            write!(f, ".{:0decimals$}", amount % unit)?;
        }
        Ok(())
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Money", 3)?;
        fields.serialize_field("amount", &self.amount)?;
        fields.serialize_field("currency", &self.currency)?;
        fields.serialize_field("decimal", &format_args!("{self}"))?;
        fields.end()
    }
}

impl utoipa::PartialSchema for Money {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::{ObjectBuilder, schema::Type};
        ObjectBuilder::new()
            .description(Some(
                "Whole minor units and an ISO 4217 currency: 9860 of JOD is 9.860 dinars.",
            ))
            .property("amount", ObjectBuilder::new().schema_type(Type::Integer))
            .required("amount")
            .property(
                "currency",
                ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[A-Z]{3}$")),
            )
            .required("currency")
            .property("decimal", ObjectBuilder::new().schema_type(Type::String).read_only(true))
            .examples([serde_json::json!({"amount": 9860, "currency": "JOD", "decimal": "9.860"})])
            .into()
    }
}

impl utoipa::ToSchema for Money {}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(amount: i64, code: &str) -> Money {
        Money::new(amount, Currency::from_code(code).unwrap())
    }

    #[test]
    fn every_currency_prints_its_own_decimals() {
        for (amount, code, text) in [
            (9860, "JOD", "9.860"),
            (1500, "KWD", "1.500"),
            (1, "BHD", "0.001"),
            (-50, "OMR", "-0.050"),
            (1000, "SAR", "10.00"),
            (700, "JPY", "700"),
        ] {
            assert_eq!(money(amount, code).to_string(), text);
        }
    }

    #[test]
    fn decimal_numbers_are_read_as_whole_minor_units_or_not_at_all() {
        for (text, code, amount) in [
            ("9.860", "JOD", 9860),
            ("9.86", "JOD", 9860),
            ("9", "JOD", 9000),
            ("0.001", "KWD", 1),
            ("-1.50", "SAR", -150),
            ("10.0000", "SAR", 1000),
            ("700", "JPY", 700),
        ] {
            let read = Money::from_decimal(text, Currency::from_code(code).unwrap());
            assert_eq!(read, Some(money(amount, code)), "{text} {code}");
        }
        for odd in
            ["", ".", ".5", "1,5", "1e3", "0.0001", "١٫٥", "--1", "1.-5", "99999999999999999999"]
        {
            assert_eq!(Money::from_decimal(odd, Currency::JOD), None, "{odd}");
        }
    }

    #[test]
    fn sums_refuse_mixed_currencies_and_overflow() {
        assert!(money(1, "JOD").plus(money(1, "SAR")).is_err());
        assert_eq!(money(i64::MAX, "JOD").times(2), Err(MoneyError::Overflow));
        assert_eq!(money(4250, "JOD").times(2), Ok(money(8500, "JOD")));
    }

    #[test]
    fn the_wire_form_reads_back() {
        let text = serde_json::to_string(&money(9860, "JOD")).unwrap();
        assert_eq!(text, r#"{"amount":9860,"currency":"JOD","decimal":"9.860"}"#);
        assert_eq!(serde_json::from_str::<Money>(&text).unwrap(), money(9860, "JOD"));
    }
}
