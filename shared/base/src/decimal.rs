//! Exact decimals for the numbers that several parties must read alike: σ, σ_c and τ.

use std::fmt;
use std::io;
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A non-negative decimal below 10^9 with at most six fractional digits, kept as whole millionths.
///
/// Fifteen significant digits survive the way through an `f64`, so a JSON or TOML number is read and
/// written without loss; a float that is not such a short decimal is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decimal(u64);

/// Why a text or number is no [`Decimal`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// The value is not written as digits with an optional fraction.
    #[error("`{0}` is not a plain decimal: write digits with at most one point, such as 16 or 0.7")]
    Malformed(String),
    /// The value is below zero.
    #[error("`{0}` is negative: give zero or more")]
    Negative(String),
    /// The value has more than six fractional digits.
    #[error("`{0}` has more than six digits after the point: round it to six")]
    TooFine(String),
    /// The value is 10^9 or more.
    #[error("`{0}` is too large: give a number below 1000000000")]
    TooLarge(String),
}

impl Decimal {
    /// Zero.
    pub const ZERO: Self = Self(0);
    /// One.
    pub const ONE: Self = Self(Self::SCALE);
    /// 0.7, the fraction of honest participants that is taken where nobody says otherwise.
    pub const SEVEN_TENTHS: Self = Self(Self::SCALE / 10 * 7);
    /// One thousandth.
    pub const THOUSANDTH: Self = Self(Self::SCALE / 1000);
    /// 10^6.
    pub const MILLION: Self = Self(1_000_000 * Self::SCALE);
    /// The largest decimal, 999999999.999999.
    pub const MAX: Self = Self(Self::LIMIT - 1);
    /// The number of millionths in one.
    pub const SCALE: u64 = 1_000_000;
    /// The number of millionths in 10^9, the first value that is too large.
    const LIMIT: u64 = 1_000_000_000 * Self::SCALE;

    /// Makes a decimal from whole millionths; refuses 10^9 and above.
    pub fn from_millionths(millionths: u64) -> Result<Self, DecimalError> {
        if millionths >= Self::LIMIT {
            return Err(DecimalError::TooLarge(format!("{millionths}/1000000")));
        }
        Ok(Self(millionths))
    }

    /// Makes a decimal from a whole number; refuses 10^9 and above.
    pub fn from_whole(whole: u64) -> Result<Self, DecimalError> {
        let millionths = whole.checked_mul(Self::SCALE).filter(|m| *m < Self::LIMIT);
        millionths.map(Self).ok_or_else(|| DecimalError::TooLarge(whole.to_string()))
    }

    /// Reads a float that prints as a short decimal; refuses NaN, infinities and longer fractions.
    pub fn from_float(value: f64) -> Result<Self, DecimalError> {
        if !value.is_finite() {
            return Err(DecimalError::Malformed(value.to_string()));
        }
        if value.abs() >= 1e9 {
            return Err(DecimalError::TooLarge(format!("{value:e}")));
        }
        // The shortest text that reads back as this float is the literal the author wrote.
        value.to_string().parse()
    }

    /// Returns the value in millionths.
    pub const fn millionths(self) -> u64 {
        self.0
    }

    /// Returns whether the value is zero.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Returns the nearest float; it prints as the same decimal.
    pub fn to_f64(self) -> f64 {
        // Both operands are exact (below 2^53), so the division rounds once, to the nearest float.
        self.0 as f64 / Self::SCALE as f64
    }
}

impl FromStr for Decimal {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Self, DecimalError> {
        let shown = || shorten(text);
        if let Some(rest) = text.strip_prefix('-') {
            // Text that is not a number at all is called malformed, not negative.
            let is_number = rest.starts_with(|c: char| c.is_ascii_digit());
            return Err(if is_number {
                DecimalError::Negative(shown())
            } else {
                DecimalError::Malformed(shown())
            });
        }
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !is_digits(whole) || !is_digits(fraction) {
            return Err(DecimalError::Malformed(shown()));
        }
        if fraction.len() > 6 {
            return Err(DecimalError::TooFine(shown()));
        }
        let too_large = |_| DecimalError::TooLarge(shown());
        let whole = Self::from_whole(whole.parse().map_err(|_| DecimalError::TooLarge(shown()))?)
            .map_err(too_large)?;
        let fraction: u64 =
            format!("{fraction:0<6}").parse().map_err(|_| DecimalError::Malformed(shown()))?;
        Ok(Self(whole.0 + fraction))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.0 / Self::SCALE, self.0 % Self::SCALE);
        if fraction == 0 {
            return write!(f, "{whole}");
        }
        let digits = format!("{fraction:06}");
        write!(f, "{whole}.{}", digits.trim_end_matches('0'))
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_multiple_of(Self::SCALE) {
            return serializer.serialize_u64(self.0 / Self::SCALE);
        }
        serializer.serialize_f64(self.to_f64())
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DecimalVisitor)
    }
}

/// Visitor that takes a string, an integer or a float.
struct DecimalVisitor;

impl Visitor<'_> for DecimalVisitor {
    type Value = Decimal;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a decimal from 0 to below 1000000000 with at most six digits after the point")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Decimal, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, whole: u64) -> Result<Decimal, E> {
        Decimal::from_whole(whole).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, whole: i64) -> Result<Decimal, E> {
        let whole = u64::try_from(whole).map_err(|_| E::custom(DecimalError::Negative(whole.to_string())))?;
        self.visit_u64(whole)
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Decimal, E> {
        Decimal::from_float(value).map_err(E::custom)
    }
}

impl BorshSerialize for Decimal {
    fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
        BorshSerialize::serialize(&self.0, writer)
    }
}

impl BorshDeserialize for Decimal {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let millionths = u64::deserialize_reader(reader)?;
        Self::from_millionths(millionths).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }
}

/// Keeps an error readable when the refused text is long.
fn shorten(text: &str) -> String {
    const SHOWN: usize = 40;
    if text.chars().count() <= SHOWN {
        return text.to_owned();
    }
    let head: String = text.chars().take(SHOWN).collect();
    format!("{head}...")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Config {
        value: Decimal,
    }

    fn from_toml(literal: &str) -> Result<u64, String> {
        let read: Result<Config, _> = toml::from_str(&format!("value = {literal}"));
        read.map(|config| config.value.millionths()).map_err(|error| error.to_string())
    }

    #[test]
    fn strings_integers_and_floats_mean_the_same_number() {
        for literal in ["16", "16.0", "\"16\"", "\"16.000000\"", "\"016\""] {
            assert_eq!(from_toml(literal).unwrap(), 16_000_000, "{literal}");
        }
        for literal in ["0.7", "\"0.7\"", "7e-1"] {
            assert_eq!(from_toml(literal).unwrap(), 700_000, "{literal}");
        }
        assert_eq!(from_toml("0.000001").unwrap(), 1);
        assert_eq!(
            from_toml("-0.0").unwrap_err().lines().last().unwrap_or_default().trim(),
            "`-0` is negative: give zero or more"
        );
    }

    #[test]
    fn what_is_no_short_decimal_is_refused_by_name() {
        let cases = [
            ("nan", "`NaN` is not a plain decimal"),
            ("inf", "`inf` is not a plain decimal"),
            ("-inf", "`-inf` is not a plain decimal"),
            ("-1", "`-1` is negative"),
            ("-0.5", "`-0.5` is negative"),
            ("\"-3\"", "`-3` is negative"),
            ("0.1234567", "`0.1234567` has more than six digits"),
            ("1e-7", "`0.0000001` has more than six digits"),
            ("\"1.0000000\"", "`1.0000000` has more than six digits"),
            ("1000000000", "`1000000000` is too large"),
            ("1e9", "`1e9` is too large"),
            ("1e300", "`1e300` is too large"),
            ("9223372036854775807", "`9223372036854775807` is too large"),
            ("\"99999999999999999999999\"", "`99999999999999999999999` is too large"),
            ("\"\"", "`` is not a plain decimal"),
            ("\".5\"", "`.5` is not a plain decimal"),
            ("\"5.\"", "`5.` is not a plain decimal"),
            ("\"1.2.3\"", "`1.2.3` is not a plain decimal"),
            ("\"+1\"", "`+1` is not a plain decimal"),
            ("\"1e3\"", "`1e3` is not a plain decimal"),
            ("\" 1\"", "` 1` is not a plain decimal"),
            ("\"--1\"", "`--1` is not a plain decimal"),
            ("\"-x\"", "`-x` is not a plain decimal"),
            ("true", "a decimal from 0 to below 1000000000"),
        ];
        for (literal, expected) in cases {
            let said = from_toml(literal).unwrap_err();
            assert!(said.contains(expected), "{literal}: `{said}` does not contain `{expected}`");
        }
        let long = "x".repeat(1000).parse::<Decimal>().unwrap_err().to_string();
        assert!(long.len() < 160, "{long}");
    }

    #[test]
    fn borsh_refuses_what_the_text_refuses() {
        assert!(borsh::from_slice::<Decimal>(&u64::MAX.to_le_bytes()).is_err());
        assert_eq!(borsh::from_slice::<Decimal>(&7u64.to_le_bytes()).unwrap(), Decimal(7));
        assert_eq!(borsh::to_vec(&Decimal::MAX).unwrap(), Decimal::MAX.millionths().to_le_bytes());
    }

    proptest! {
        /// Every decimal survives text, JSON, TOML, borsh and `f64`.
        #[test]
        fn every_way_out_leads_back(millionths in 0..Decimal::LIMIT) {
            let value = Decimal::from_millionths(millionths).unwrap();
            prop_assert_eq!(value.to_string().parse::<Decimal>().unwrap(), value);
            prop_assert_eq!(Decimal::from_float(value.to_f64()).unwrap(), value);
            let json = serde_json::to_string(&value).unwrap();
            prop_assert_eq!(serde_json::from_str::<Decimal>(&json).unwrap(), value);
            let config = Config { value };
            prop_assert_eq!(toml::from_str::<Config>(&toml::to_string(&config).unwrap()).unwrap(), config);
            prop_assert_eq!(borsh::from_slice::<Decimal>(&borsh::to_vec(&value).unwrap()).unwrap(), value);
        }

        /// Order is the order of the numbers.
        #[test]
        fn order_is_numeric(a in 0..Decimal::LIMIT, b in 0..Decimal::LIMIT) {
            prop_assert_eq!(Decimal(a) < Decimal(b), Decimal(a).to_f64() < Decimal(b).to_f64());
        }
    }
}
