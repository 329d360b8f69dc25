//! The keys and values of one mapping of a route file, read by name, each error with its place; a
//! key that nothing asks for is an error.

use std::ops::RangeInclusive;

use hyper::header::HeaderName;
use serde_json::{Map, Value};

use super::OptionsError;

/// The longest text of an option, in bytes.
const TEXT_BYTES_MAX: usize = 4096;
/// The most items of a list.
const ITEMS_MAX: usize = 64;

/// One mapping. What has been asked for is noted.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    place: String,
    map: &'a Map<String, Value>,
    asked: Vec<&'static str>,
}

// === impl Fields ===

impl<'a> Fields<'a> {
    pub(super) fn of(place: &str, value: &'a Value) -> Result<Self, OptionsError> {
        match value.as_object() {
            Some(map) => Ok(Self { place: place.to_owned(), map, asked: Vec::new() }),
            None => Err(OptionsError::new(place, "expected keys with values")),
        }
    }

    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// An error about one key.
    pub(super) fn fault(&self, key: &str, message: impl Into<String>) -> OptionsError {
        OptionsError::new(&format!("{}.{key}", self.place), message)
    }

    pub(super) fn value(&mut self, key: &'static str) -> Option<&'a Value> {
        self.asked.push(key);
        self.map.get(key)
    }

    /// A text that is not empty.
    pub(super) fn text(&mut self, key: &'static str) -> Result<Option<&'a str>, OptionsError> {
        let Some(value) = self.value(key) else { return Ok(None) };
        self.text_of(key, value).map(Some)
    }

    pub(super) fn required_text(&mut self, key: &'static str) -> Result<&'a str, OptionsError> {
        self.text(key)?.ok_or_else(|| self.missing(key))
    }

    /// One text or a list of them, none empty.
    pub(super) fn texts(&mut self, key: &'static str) -> Result<Option<Vec<String>>, OptionsError> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let items = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        if items.is_empty() || items.len() > ITEMS_MAX {
            return Err(self.fault(key, format!("expected 1 to {ITEMS_MAX} items")));
        }
        let texts = items.iter().map(|item| self.text_of(key, item).map(str::to_owned));
        texts.collect::<Result<_, _>>().map(Some)
    }

    pub(super) fn required_texts(
        &mut self,
        key: &'static str,
    ) -> Result<Vec<String>, OptionsError> {
        self.texts(key)?.ok_or_else(|| self.missing(key))
    }

    pub(super) fn integer(
        &mut self,
        key: &'static str,
        range: RangeInclusive<i64>,
    ) -> Result<Option<i64>, OptionsError> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let number = value.as_i64().filter(|number| range.contains(number));
        let (from, to) = (range.start(), range.end());
        let message = || format!("expected a whole number of seconds from {from} to {to}");
        number.map(Some).ok_or_else(|| self.fault(key, message()))
    }

    pub(super) fn required_fields(
        &mut self,
        key: &'static str,
    ) -> Result<Fields<'a>, OptionsError> {
        let value = self.value(key).ok_or_else(|| self.missing(key))?;
        Fields::of(&format!("{}.{key}", self.place), value)
    }

    pub(super) fn header_name(&self, key: &str, name: &str) -> Result<HeaderName, OptionsError> {
        let fault = |_| self.fault(key, format!("`{name}` is not the name of a header"));
        HeaderName::from_bytes(name.as_bytes()).map_err(fault)
    }

    /// All that is there has been asked for.
    pub(super) fn finish(&self) -> Result<(), OptionsError> {
        let unknown = self.map.keys().find(|key| !self.asked.contains(&key.as_str()));
        let Some(unknown) = unknown else { return Ok(()) };
        let shown: String = unknown.chars().take(100).collect();
        let mut known = self.asked.clone();
        known.sort_unstable();
        let hint = format!("known here: `{}`", known.join("`, `"));
        Err(OptionsError::new(&self.place, format!("unknown key `{shown}`")).hint(hint))
    }

    fn text_of(&self, key: &str, value: &'a Value) -> Result<&'a str, OptionsError> {
        let text = value.as_str().ok_or_else(|| self.fault(key, "expected a text"))?;
        if text.trim().is_empty() {
            return Err(self.fault(key, "is empty"));
        }
        if text.len() > TEXT_BYTES_MAX {
            return Err(self.fault(key, format!("is longer than {TEXT_BYTES_MAX} bytes")));
        }
        Ok(text)
    }

    fn missing(&self, key: &str) -> OptionsError {
        OptionsError::new(&self.place, format!("`{key}` is missing"))
    }
}
