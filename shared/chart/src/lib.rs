//! Small line charts and tables as SVG: no script, no font, no outside reference; the same input gives the same bytes.
//!
//! Colours follow the reader's light or dark setting. Every curve differs in width and dashes too, so that curves
//! that coincide and readers who do not tell colours apart are served; title, description and names are text.

mod axis;
mod bars;
mod matrix;
mod svg;
#[cfg(test)]
mod tests;

pub use axis::{Axis, Scale};
pub use bars::{Bar, Bars, Part};
pub use matrix::Matrix;

/// A chart of curves over two axes.
///
/// ```
/// use chart::{Axis, Chart, Curve, Scale};
///
/// let axis = |label: &str| Axis { label: label.to_owned(), scale: Scale::Linear };
/// let curve = Curve { name: "public".to_owned(), points: vec![(100.0, 1.5), (500.0, 3.6)], marks: Vec::new() };
/// let chart = Chart {
///     title: "What labels cost".to_owned(),
///     description: "ε rises with the number of labels.".to_owned(),
///     x: axis("labels"),
///     y: axis("ε"),
///     curves: vec![curve],
/// };
/// let svg = chart.to_svg();
/// assert!(svg.starts_with("<svg") && svg.contains("<title>What labels cost</title>"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// What the chart shows, in one line.
    pub title: String,
    /// The same for those who do not see it, in a sentence or two.
    pub description: String,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// The curves, in the order of the legend; more than six repeat their styles.
    pub curves: Vec<Curve>,
}

/// One curve.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// Its name in the legend.
    pub name: String,
    /// Its points (x, y); those that the axes cannot show are left out.
    pub points: Vec<(f64, f64)>,
    /// Points of it to single out, each with its words.
    pub marks: Vec<Mark>,
}

/// A point that is singled out.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// Where it is.
    pub at: (f64, f64),
    /// What it says.
    pub text: String,
}

impl Chart {
    /// Returns the chart as an SVG document of 760 × 480 units.
    pub fn to_svg(&self) -> String {
        svg::document(self, true)
    }

    /// Returns the chart as an SVG that brings no style: the page has that of [`style`].
    pub fn to_inline_svg(&self) -> String {
        svg::document(self, false)
    }
}

/// Returns the style sheet of all charts, for a page that holds them inline and allows no style in its midst.
pub fn style() -> String {
    format!("{}{}{}", svg::STYLE, matrix::STYLE, bars::STYLE)
}
