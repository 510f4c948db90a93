//! A page of metrics, read back.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, ensure};

/// A page of metrics as Prometheus reads it.
#[derive(Debug, Default)]
pub struct Scrape {
    samples: BTreeMap<String, f64>,
    names: BTreeSet<String>,
}

impl Scrape {
    /// Reads a page in the text format.
    pub fn read(text: &str) -> anyhow::Result<Self> {
        ensure!(text.ends_with("# EOF\n"), "the page is cut short");
        let mut scrape = Self::default();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').with_context(|| line.to_owned())?;
                let end = if kind == "counter" { "_total" } else { "" };
                scrape.names.insert(format!("{name}{end}"));
            } else if !line.starts_with('#') {
                let (sample, value) = line.rsplit_once(' ').with_context(|| line.to_owned())?;
                let earlier = scrape.samples.insert(sample.to_owned(), value.parse()?);
                ensure!(earlier.is_none(), "{sample} stands twice");
            }
        }
        Ok(scrape)
    }

    /// Returns the names of all metrics.
    pub const fn names(&self) -> &BTreeSet<String> {
        &self.names
    }

    /// Returns one sample, written as on the page.
    pub fn value(&self, sample: &str) -> anyhow::Result<f64> {
        self.samples.get(sample).copied().with_context(|| format!("the page has no {sample}"))
    }

    /// Adds up all samples of one metric whose labels contain a text.
    pub fn sum(&self, name: &str, label: &str) -> f64 {
        let of = |sample: &str| sample.split('{').next() == Some(name) && sample.contains(label);
        self.samples.iter().filter(|(sample, _)| of(sample)).map(|(_, value)| value).sum()
    }
}

/// Returns every word of a text that names a metric of the coordinator, without the endings of a histogram.
pub fn metrics_in(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c| !is_part(c)).filter(|word| word.starts_with("psephos_"));
    let ends = ["_bucket", "_sum", "_count"];
    words.map(|word| ends.iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word).to_owned()).collect()
}
