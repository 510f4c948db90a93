//! Horizontal bars, each of one or more parts: how many labels of each class, how much of a budget is used.

use super::{
    axis::tick_text,
    svg::{escaped, head, line, text},
};

/// Narrow, so that the words stay readable on a telephone.
const WIDTH: f64 = 420.0;
const LEFT: f64 = 12.0;
const TOP: f64 = 8.0;
/// The height of one bar with the words above it, and of the bar alone.
const ROW: f64 = 42.0;
const BAR: f64 = 14.0;
/// What they look like, beside the style of all charts; the title is for those who do not see the page's heading.
pub(super) const STYLE: &str = "\
.chart .track{fill:#e4e7ea}.chart .p0{fill:#0072b2}.chart .p1{fill:#d55e00}.chart .p2{fill:#007a5a}
@media(prefers-color-scheme:dark){.chart .track{fill:#31363d}.chart .p0{fill:#56b4e9}.chart .p1{fill:#f0a35e}\
.chart .p2{fill:#3fc59a}}
";
/// Parts have the colours p0 to p2.
const STYLES: usize = 3;

/// Bars over one scale that begins at zero.
#[derive(Clone, Debug, PartialEq)]
pub struct Bars {
    /// What it shows, in one line.
    pub title: String,
    /// The same for those who do not see it, in a sentence or two.
    pub description: String,
    /// The bars, from top to bottom.
    pub bars: Vec<Bar>,
}

/// One bar.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// What it stands for.
    pub name: String,
    /// Its value in words, with the unit.
    pub words: String,
    /// Its parts from left to right; values that are not finite or not above zero are left out.
    pub parts: Vec<Part>,
    /// The length of the whole track; the longest bar's by default.
    pub of: Option<f64>,
}

/// One part of a bar.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// What it is.
    pub name: String,
    /// Its length on the scale.
    pub value: f64,
}

impl Bar {
    /// Makes a bar of one part.
    #[must_use]
    pub fn of_one(name: &str, value: f64, words: String) -> Self {
        let parts = vec![Part { name: name.to_owned(), value }];
        Self { name: name.to_owned(), words, parts, of: None }
    }

    fn length(&self) -> f64 {
        self.shown().map(|(_, part)| part.value).sum()
    }

    fn shown(&self) -> impl Iterator<Item = (usize, &Part)> {
        self.parts.iter().enumerate().filter(|(_, part)| part.value > 0.0 && part.value < 1e15)
    }
}

impl Bars {
    /// Returns the bars as an SVG that brings no style: the page has that of [`super::style`].
    #[must_use]
    pub fn to_inline_svg(&self) -> String {
        let height = TOP + self.bars.len().max(1) as f64 * ROW;
        let mut out = head((WIDTH, height), (&self.title, &self.description), false);
        let longest = self.bars.iter().map(Bar::length).fold(0.0, f64::max);
        for (row, bar) in self.bars.iter().enumerate() {
            let whole = bar.of.unwrap_or(longest).max(bar.length());
            draw(&mut out, bar, whole, TOP + row as f64 * ROW);
        }
        if self.bars.is_empty() {
            text(&mut out, LEFT, TOP + 16.0, "start", "no value to show");
        }
        out.push_str("</svg>\n");
        out
    }
}

fn draw(out: &mut String, bar: &Bar, whole: f64, top: f64) {
    let span = WIDTH - 2.0 * LEFT;
    text(out, LEFT, top + 12.0, "start", &bar.name);
    text(out, WIDTH - LEFT, top + 12.0, "end", &bar.words);
    let y = top + 19.0;
    let track = format_args!(
        "<rect class=\"track\" x=\"{LEFT:.1}\" y=\"{y:.1}\" width=\"{span:.1}\" height=\"{BAR:.1}\" rx=\"3\"/>"
    );
    line(out, track);
    let mut x = LEFT;
    for (index, part) in bar.shown() {
        // A part that is there is seen, however small.
        let width = if whole > 0.0 { (part.value / whole * span).max(2.0) } else { 0.0 };
        let width = width.min(LEFT + span - x).max(0.0);
        let said = escaped(&format!("{}: {}", part.name, tick_text(part.value)));
        let class = index % STYLES;
        line(
            out,
            format_args!(
                "<rect class=\"p{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{BAR:.1}\" \
                 rx=\"3\"><title>{said}</title></rect>"
            ),
        );
        x += width;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_share_and_say_their_words() {
        let bars = Bars {
            title: "labels by <class>".to_owned(),
            description: "two".to_owned(),
            bars: vec![
                Bar::of_one("a & b", 4.0, "4 labels".to_owned()),
                Bar::of_one("c", 1.0, "1 label".to_owned()),
            ],
        };
        let svg = bars.to_inline_svg();
        assert!(
            svg.contains("width=\"396.0\" height=\"14.0\" rx=\"3\"><title>a &amp; b: 4</title>"),
            "{svg}"
        );
        assert!(svg.contains("width=\"99.0\" height=\"14.0\" rx=\"3\"><title>c: 1</title>"), "{svg}");
        assert!(svg.contains("labels by &lt;class&gt;") && svg.contains(">4 labels</text>"), "{svg}");
        assert!(!svg.contains("<style>"), "a page forbids styles in its midst");
    }

    #[test]
    fn values_that_cannot_be_drawn_are_left_out_and_none_leaves_its_track() {
        let parts = [f64::NAN, f64::INFINITY, -1.0, 3.0, 9.0];
        let parts = parts.map(|value| Part { name: "x".to_owned(), value }).to_vec();
        let bar = Bar { name: "b".to_owned(), words: "".to_owned(), parts, of: Some(6.0) };
        let svg =
            Bars { title: "t".to_owned(), description: "d".to_owned(), bars: vec![bar] }.to_inline_svg();
        assert_eq!(svg.matches("<title>x:").count(), 2, "{svg}");
        assert!(svg.contains("width=\"99.0\"") && svg.contains("width=\"297.0\""), "{svg}");
        let empty = Bars { title: "t".to_owned(), description: "d".to_owned(), bars: Vec::new() };
        assert!(empty.to_inline_svg().contains("no value to show"));
    }
}
