//! A page of metrics: what was counted, and what is so at this moment.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use prometheus_client::{
    encoding::text::{encode_eof, encode_registry},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use super::{Labels, Metrics};

type Number = Gauge<f64, AtomicU64>;

/// Collects what is so at the moment of a scrape.
#[derive(Default)]
pub struct Page {
    registry: Registry,
}

impl Page {
    /// Adds a value that may rise and fall, by labels.
    pub fn gauge(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels, f64)>,
    ) -> &mut Self {
        let family: Family<Labels, Number> = Family::default();
        for (labels, value) in samples {
            family.get_or_create(&labels).set(value);
        }
        self.registry.register(name, help, family);
        self
    }

    /// Adds a value without labels that may rise and fall.
    pub fn value(&mut self, name: &str, help: &str, value: f64) -> &mut Self {
        self.gauge(name, help, [(Labels::new(), value)])
    }

    /// Adds a number that only grows, from the records; the name gets `_total` appended.
    pub fn counter(&mut self, name: &str, help: &str, value: u64) -> &mut Self {
        let counter: Counter = Counter::default();
        counter.inner().store(value, Ordering::Relaxed);
        self.registry.register(name, help, counter);
        self
    }

    /// Writes the whole page, with what was counted while the service ran.
    pub fn text(&self, counted: &Metrics) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode_registry(&mut text, &self.registry)?;
        counted.write(&mut text)?;
        encode_eof(&mut text)?;
        Ok(text)
    }
}
