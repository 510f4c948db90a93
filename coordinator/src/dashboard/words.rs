//! How the dashboard writes times, digests, numbers and units.

use std::fmt::{self, Display, Formatter};

use askama::filters::HtmlSafe;
use base::{
    clock::Millis,
    ids::{Digest, RoundId},
};
use privacy::Views;

/// Writes a moment in UTC; where JavaScript runs it is shown in the reader's own time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment(pub(super) Millis);

impl Display for Moment {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let iso = self.0.to_string();
        let words = iso.replace('T', " ").replace('Z', " UTC");
        write!(f, "<time datetime=\"{iso}\">{words}</time>")
    }
}

// A time holds digits and separators alone.
impl HtmlSafe for Moment {}

/// Writes the beginning of a digest; the whole is in its title.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Short(pub(super) Digest);

impl Display for Short {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "<code title=\"{}\">{}…</code>", self.0, self.0.short())
    }
}

// A digest holds hexadecimal digits alone.
impl HtmlSafe for Short {}

/// Writes a round's name with the way to its page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RoundLink(pub(super) RoundId);

impl Display for RoundLink {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "<a href=\"/rounds/{}\"><code>{}</code></a>", self.0, short_round(self.0))
    }
}

// A round's id holds hexadecimal digits alone.
impl HtmlSafe for RoundLink {}

/// A drawing of `chart`, which escapes every word of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Drawing(pub(super) String);

impl Display for Drawing {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// The drawing is SVG.
impl HtmlSafe for Drawing {}

/// Returns the first eight digits of a round's id.
pub(super) fn short_round(round: RoundId) -> String {
    round.to_string().chars().take(8).collect()
}

/// Writes a number with a narrow space between thousands.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

/// Writes a number of things, in the singular where it is one.
pub(super) fn things(number: u64, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{} {many}", count(number)) }
}

/// Writes a number of bytes with its unit.
pub(super) fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = number as f64;
    let mut unit = 0;
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let name = UNITS.get(unit).copied().unwrap_or_default();
    if unit == 0 { format!("{number} B") } else { format!("{value:.1} {name}") }
}

/// Writes a span of milliseconds with its unit.
pub(super) fn span(milliseconds: f64) -> String {
    match milliseconds {
        ms if ms < 1.0 => format!("{ms:.2} ms"),
        ms if ms < 999.5 => format!("{ms:.0} ms"),
        ms if ms < 60_000.0 => format!("{:.1} s", ms / 1e3),
        ms if ms < 5_400_000.0 => format!("{:.1} min", ms / 6e4),
        ms => format!("{:.1} h", ms / 3.6e6),
    }
}

/// Writes ε, or that no bound holds.
pub(super) fn epsilon(value: Option<f64>) -> String {
    value.map_or_else(|| "no bound".to_owned(), |epsilon| format!("{epsilon:.3}"))
}

/// Writes ε of every view, in the order public, coordinator, coalition, both.
pub(super) fn epsilons(views: &Views<Option<f64>>) -> [String; 4] {
    [views.public, views.coordinator, views.coalition, views.both].map(epsilon)
}

/// Writes a share as a percentage.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_carry_their_units() {
        let written = [count(7), count(1_234_567), bytes(999), bytes(1_000), bytes(49_600_000)];
        assert_eq!(written, ["7", "1\u{202f}234\u{202f}567", "999 B", "1.0 kB", "49.6 MB"]);
        let spans = [0.25, 12.0, 1500.0, 120_000.0, 7_200_000.0].map(span);
        assert_eq!(spans, ["0.25 ms", "12 ms", "1.5 s", "2.0 min", "2.0 h"]);
        assert_eq!([epsilon(None), epsilon(Some(1.0))], ["no bound", "1.000"]);
        assert_eq!(things(1, "label", "labels"), "1 label");
        assert_eq!(things(0, "label", "labels"), "0 labels");
    }

    #[test]
    fn a_moment_is_told_in_utc_for_people_and_programs() {
        let told = Moment(Millis(1_000)).to_string();
        assert_eq!(told, "<time datetime=\"1970-01-01T00:00:01Z\">1970-01-01 00:00:01 UTC</time>");
    }
}
