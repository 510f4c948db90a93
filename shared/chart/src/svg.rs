//! Writing a chart as SVG.

use std::fmt::Write as _;

use super::axis::{Range, tick_text};
use super::{Chart, Curve};

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 480.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = 736.0;
const TOP: f64 = 52.0;
const BOTTOM: f64 = 340.0;
/// Where the legend begins, and the height of its lines.
const LEGEND: f64 = 400.0;
const LINE: f64 = 20.0;
/// Styles c0 to c5; the first are the widest, so that curves drawn over them leave them visible.
const STYLES: usize = 6;

/// Colours after Okabe and Ito, darker on light ground: told apart by most colour-blind readers. Every rule is
/// bound to the chart's own class, because a page that holds the document inline shares its rules with it.
pub(super) const STYLE: &str = "\
.chart text{font:13px system-ui,sans-serif;fill:#1a1a1a}.chart .title{font-size:16px;font-weight:600}
.chart .back{fill:#fff}.chart .grid{stroke:#d9d9d9}.chart .axis{stroke:#1a1a1a}
.chart polyline{fill:none;stroke-linejoin:round}.chart circle{stroke:#fff;stroke-width:1.5}
.chart .c0{stroke:#0072b2;stroke-width:6}.chart .m0{fill:#0072b2}
.chart .c1{stroke:#d55e00;stroke-width:4;stroke-dasharray:14 5}.chart .m1{fill:#d55e00}
.chart .c2{stroke:#007a5a;stroke-width:2.5}.chart .m2{fill:#007a5a}
.chart .c3{stroke:#a0468c;stroke-width:2;stroke-dasharray:3 4}.chart .m3{fill:#a0468c}
.chart .c4{stroke:#8a6d00;stroke-width:2;stroke-dasharray:9 3 2 3}.chart .m4{fill:#8a6d00}
.chart .c5{stroke:#444;stroke-width:1}.chart .m5{fill:#444}
@media(prefers-color-scheme:dark){
.chart text{fill:#ececec}.chart .back{fill:#16181c}.chart .grid{stroke:#3a3d44}.chart .axis{stroke:#ececec}
.chart circle{stroke:#16181c}
.chart .c0{stroke:#56b4e9}.chart .m0{fill:#56b4e9}.chart .c1{stroke:#f0a35e}.chart .m1{fill:#f0a35e}
.chart .c2{stroke:#3fc59a}.chart .m2{fill:#3fc59a}.chart .c3{stroke:#e39acb}.chart .m3{fill:#e39acb}
.chart .c4{stroke:#f0e442}.chart .m4{fill:#f0e442}.chart .c5{stroke:#bbb}.chart .m5{fill:#bbb}
}
";

/// Both ranges of a chart.
struct Frame {
    x: Range,
    y: Range,
}

impl Frame {
    fn x(&self, value: f64) -> f64 {
        LEFT + self.x.place(value) * (RIGHT - LEFT)
    }

    fn y(&self, value: f64) -> f64 {
        BOTTOM - self.y.place(value) * (BOTTOM - TOP)
    }
}

/// Returns the whole document; without its style where a page brings that.
pub(super) fn document(chart: &Chart, has_style: bool) -> String {
    let shown: Vec<Vec<(f64, f64)>> = chart.curves.iter().map(|curve| shown_points(chart, curve)).collect();
    let points = || shown.iter().flatten();
    let frame = Frame {
        x: Range::of(chart.x.scale, points().map(|point| point.0)),
        y: Range::of(chart.y.scale, points().map(|point| point.1)),
    };
    // A page needs no room for a legend that is not there.
    let lines = chart.curves.len().div_ceil(2) as f64;
    let height = if has_style { HEIGHT } else { LEGEND + lines * LINE };
    let mut out = head((WIDTH, height), (&chart.title, &chart.description), has_style);
    line(
        &mut out,
        format_args!("<text class=\"title\" x=\"{LEFT}\" y=\"30\">{}</text>", escaped(&chart.title)),
    );
    grid(&mut out, chart, &frame);
    for (index, (curve, points)) in chart.curves.iter().zip(&shown).enumerate() {
        draw(&mut out, &frame, curve, points, index % STYLES);
    }
    if points().next().is_none() {
        text(&mut out, (LEFT + RIGHT) / 2.0, (TOP + BOTTOM) / 2.0, "middle", "no value to show");
    }
    legend(&mut out, chart);
    out.push_str("</svg>\n");
    out
}

/// Lists the points of a curve that both axes can show.
fn shown_points(chart: &Chart, curve: &Curve) -> Vec<(f64, f64)> {
    let is_shown = |(x, y): &(f64, f64)| chart.x.scale.shows(*x) && chart.y.scale.shows(*y);
    curve.points.iter().copied().filter(is_shown).collect()
}

/// Opens a document of that size with its names and its ground.
pub(super) fn head(
    (width, height): (f64, f64),
    (title, description): (&str, &str),
    has_style: bool,
) -> String {
    let mut out = String::new();
    // In a page it has its own size, so that all words of all drawings are of one size.
    let size = if has_style { String::new() } else { format!(" width=\"{width:.0}\"") };
    line(
        &mut out,
        format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" viewBox=\"0 0 {width:.0} {height:.0}\"{size} role=\"img\">"
        ),
    );
    line(&mut out, format_args!("<title>{}</title>", escaped(title)));
    line(&mut out, format_args!("<desc>{}</desc>", escaped(description)));
    if has_style {
        line(&mut out, format_args!("<style>\n{STYLE}</style>"));
    }
    line(&mut out, format_args!("<rect class=\"back\" width=\"{width:.0}\" height=\"{height:.0}\"/>"));
    out
}

fn grid(out: &mut String, chart: &Chart, frame: &Frame) {
    for tick in frame.x.ticks() {
        let x = frame.x(tick);
        segment(out, "grid", (x, TOP), (x, BOTTOM));
        text(out, x, BOTTOM + 18.0, "middle", &tick_text(tick));
    }
    for tick in frame.y.ticks() {
        let y = frame.y(tick);
        segment(out, "grid", (LEFT, y), (RIGHT, y));
        text(out, LEFT - 8.0, y + 4.5, "end", &tick_text(tick));
    }
    segment(out, "axis", (LEFT, BOTTOM), (RIGHT, BOTTOM));
    segment(out, "axis", (LEFT, TOP), (LEFT, BOTTOM));
    text(out, (LEFT + RIGHT) / 2.0, BOTTOM + 40.0, "middle", &chart.x.label);
    let middle = (TOP + BOTTOM) / 2.0;
    line(
        out,
        format_args!(
            "<text text-anchor=\"middle\" transform=\"translate(18 {middle}) rotate(-90)\">{}</text>",
            escaped(&chart.y.label)
        ),
    );
}

fn draw(out: &mut String, frame: &Frame, curve: &Curve, points: &[(f64, f64)], style: usize) {
    if points.is_empty() {
        return;
    }
    let path: Vec<String> =
        points.iter().map(|(x, y)| format!("{:.1},{:.1}", frame.x(*x), frame.y(*y))).collect();
    line(
        out,
        format_args!(
            "<polyline class=\"c{style}\" points=\"{}\"><title>{}</title></polyline>",
            path.join(" "),
            escaped(&curve.name)
        ),
    );
    for mark in curve.marks.iter().filter(|mark| points.contains(&mark.at)) {
        line(
            out,
            format_args!(
                "<circle class=\"m{style}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"5\"><title>{}</title></circle>",
                frame.x(mark.at.0),
                frame.y(mark.at.1),
                escaped(&mark.text)
            ),
        );
    }
}

/// Writes the legend in two columns.
fn legend(out: &mut String, chart: &Chart) {
    let column_height = chart.curves.len().div_ceil(2).max(1);
    for (index, curve) in chart.curves.iter().enumerate() {
        let (column, row) = (index / column_height, index % column_height);
        let x = LEFT + column as f64 * (RIGHT - LEFT) / 2.0;
        let y = LEGEND + row as f64 * LINE;
        segment(out, &format!("c{}", index % STYLES), (x, y), (x + 30.0, y));
        text(out, x + 38.0, y + 4.5, "start", &curve.name);
    }
}

fn segment(out: &mut String, class: &str, from: (f64, f64), to: (f64, f64)) {
    line(
        out,
        format_args!(
            "<line class=\"{class}\" x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\"/>",
            from.0, from.1, to.0, to.1
        ),
    );
}

pub(super) fn text(out: &mut String, x: f64, y: f64, anchor: &str, words: &str) {
    let words = escaped(words);
    line(out, format_args!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{words}</text>"));
}

pub(super) fn line(out: &mut String, words: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{words}");
}

/// Escapes what XML reserves, and drops the control characters it forbids.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
