//! Numbers as people write them in the configuration: bytes (`256 KiB`), durations (`10s`), counts.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

/// The units of bytes, largest first.
const BYTE_UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

/// The units of time in milliseconds, largest first.
const TIME_UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Why no quantity is zero: it would switch off what it bounds, or the bound.
const ZERO: &str = "a limit is more than 0";

/// A number of bytes, at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes(pub u64);

/// A span of time, at least a millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time(pub Duration);

/// A number of things, at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u64")]
pub struct Count(pub u64);

// === impl Bytes ===

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0;
        for (unit, size) in BYTE_UNITS {
            if bytes >= size && bytes.is_multiple_of(size) {
                return write!(f, "{} {unit}", bytes / size);
            }
        }
        write!(f, "{bytes}")
    }
}

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, unit) = split(text);
        let size = match unit {
            "" | "B" => Some(1),
            _ => BYTE_UNITS.iter().find(|(name, _)| *name == unit).map(|(_, size)| *size),
        };
        match size.and_then(|size| number.parse::<u64>().ok()?.checked_mul(size)) {
            Some(0) => Err(ZERO.to_owned()),
            Some(bytes) => Ok(Self(bytes)),
            None => Err(format!("`{text}` is not a size such as `65536`, `256 KiB` or `4 MiB`")),
        }
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Scalar::new("a size such as `65536` or `256 KiB`"))
    }
}

// === impl Time ===

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = self.0.as_millis();
        let fits = |size: &u64| milliseconds.is_multiple_of(u128::from(*size));
        let unit = TIME_UNITS.iter().find(|(_, size)| milliseconds > 0 && fits(size));
        let (unit, size) = unit.unwrap_or(&("ms", 1));
        write!(f, "{}{unit}", milliseconds / u128::from(*size))
    }
}

impl FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, unit) = split(text);
        let size = TIME_UNITS.iter().find(|(name, _)| *name == unit).map(|(_, size)| *size);
        match size.and_then(|size| number.parse::<u64>().ok()?.checked_mul(size)) {
            Some(0) => Err(ZERO.to_owned()),
            Some(milliseconds) => Ok(Self(Duration::from_millis(milliseconds))),
            None => Err(format!("`{text}` is not a duration such as `500ms`, `10s` or `2m`")),
        }
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Scalar::new("a duration such as `500ms` or `10s`"))
    }
}

// === impl Count ===

impl TryFrom<u64> for Count {
    type Error = &'static str;

    fn try_from(number: u64) -> Result<Self, Self::Error> {
        if number == 0 { Err(ZERO) } else { Ok(Self(number)) }
    }
}

/// The digits at the beginning, and the unit after them.
fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end).unwrap_or((text, ""));
    (number, unit.trim_start())
}

/// Reads a quantity from a YAML scalar, which may be a bare number.
struct Scalar<T> {
    expected: &'static str,
    quantity: PhantomData<T>,
}

impl<T> Scalar<T> {
    fn new(expected: &'static str) -> Self {
        Self { expected, quantity: PhantomData }
    }
}

impl<T: FromStr<Err = String>> Visitor<'_> for Scalar<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_shown_alike() {
        for text in ["1", "65537", "256 KiB", "4 MiB", "4 GiB"] {
            assert_eq!(text.parse::<Bytes>().unwrap().to_string(), text);
        }
        assert_eq!("262144".parse::<Bytes>().unwrap().to_string(), "256 KiB");
    }

    #[test]
    fn durations_are_read_and_shown_alike() {
        for text in ["1ms", "1500ms", "10s", "2m", "24h"] {
            assert_eq!(text.parse::<Time>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn nothing_is_no_quantity() {
        for text in ["", "0", "-1", "1 KB", "1.5 MiB", "KiB", "99999999999999999999"] {
            assert!(text.parse::<Bytes>().is_err(), "{text}");
        }
        for text in ["", "10", "0s", "1 day", "s"] {
            assert!(text.parse::<Time>().is_err(), "{text}");
        }
    }
}
