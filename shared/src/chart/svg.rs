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

/// Colours by Okabe and Ito, the darker ones for light backgrounds; told apart by most colour-blind readers.
const STYLE: &str = "\
svg{--back:#fff;--ink:#1a1a1a;--grid:#d9d9d9;--c0:#0072b2;--c1:#d55e00;--c2:#007a5a;--c3:#a0468c;--c4:#8a6d00;--c5:#444}
@media(prefers-color-scheme:dark){svg{--back:#16181c;--ink:#ececec;--grid:#3a3d44;--c0:#56b4e9;--c1:#f0a35e;--c2:#3fc59a;--c3:#e39acb;--c4:#f0e442;--c5:#bbb}}
text{font:13px system-ui,sans-serif;fill:var(--ink)}.title{font-size:16px;font-weight:600}
.back{fill:var(--back)}.grid{stroke:var(--grid);stroke-width:1}.axis{stroke:var(--ink);stroke-width:1}
.curve{fill:none;stroke-linejoin:round}.mark{stroke:var(--back);stroke-width:1.5}
.c0{stroke:var(--c0);stroke-width:6}.c1{stroke:var(--c1);stroke-width:4;stroke-dasharray:14 5}
.c2{stroke:var(--c2);stroke-width:2.5}.c3{stroke:var(--c3);stroke-width:2;stroke-dasharray:3 4}
.c4{stroke:var(--c4);stroke-width:2;stroke-dasharray:9 3 2 3}.c5{stroke:var(--c5);stroke-width:1}
.m0{fill:var(--c0)}.m1{fill:var(--c1)}.m2{fill:var(--c2)}.m3{fill:var(--c3)}.m4{fill:var(--c4)}.m5{fill:var(--c5)}
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

/// Returns the whole document.
pub(super) fn document(chart: &Chart) -> String {
    let shown: Vec<Vec<(f64, f64)>> = chart.curves.iter().map(|curve| shown_points(chart, curve)).collect();
    let points = || shown.iter().flatten();
    let frame = Frame {
        x: Range::of(chart.x.scale, points().map(|point| point.0)),
        y: Range::of(chart.y.scale, points().map(|point| point.1)),
    };
    let mut out = head(chart);
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

fn head(chart: &Chart) -> String {
    let mut out = String::new();
    line(
        &mut out,
        format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
             aria-labelledby=\"chart-title chart-description\">"
        ),
    );
    line(&mut out, format_args!("<title id=\"chart-title\">{}</title>", escaped(&chart.title)));
    line(&mut out, format_args!("<desc id=\"chart-description\">{}</desc>", escaped(&chart.description)));
    line(&mut out, format_args!("<style>\n{STYLE}</style>"));
    line(&mut out, format_args!("<rect class=\"back\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>"));
    line(
        &mut out,
        format_args!("<text class=\"title\" x=\"{LEFT}\" y=\"30\">{}</text>", escaped(&chart.title)),
    );
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
            "<polyline class=\"curve c{style}\" points=\"{}\"><title>{}</title></polyline>",
            path.join(" "),
            escaped(&curve.name)
        ),
    );
    for mark in curve.marks.iter().filter(|mark| points.contains(&mark.at)) {
        line(
            out,
            format_args!(
                "<circle class=\"mark m{style}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"5\"><title>{}</title></circle>",
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

fn text(out: &mut String, x: f64, y: f64, anchor: &str, words: &str) {
    let words = escaped(words);
    line(out, format_args!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{words}</text>"));
}

fn line(out: &mut String, words: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{words}");
}

/// Escapes what XML reserves, and drops the control characters it forbids.
fn escaped(text: &str) -> String {
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
