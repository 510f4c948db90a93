//! A table of counts as a picture: truth in rows, answers in columns.

use super::svg::{escaped, head, line, text};

/// What its cells look like, beside the style of all charts.
pub(super) const STYLE: &str =
    ".chart .cell{fill:#0072b2;stroke:#8a8a8a;stroke-width:0.5}.chart .over{fill:#fff}\n";
/// The space for the names of rows and columns, and for the title.
const LEFT: f64 = 130.0;
const TOP: f64 = 140.0;
/// The width and height of all cells together, and the widest cell.
const SPAN: f64 = 600.0;
const WIDEST: f64 = 56.0;
/// The narrowest cell in which a count can be read, and in which a name can stand beside it.
const READABLE: f64 = 24.0;
const NAMED: f64 = 12.0;
/// The longest name that fits.
const LONGEST: usize = 14;

/// Counts of instances by their true class and the class they were given.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    /// What it shows, in one line.
    pub title: String,
    /// The same for those who do not see it, in a sentence or two.
    pub description: String,
    /// The classes' names.
    pub classes: Vec<String>,
    /// `counts[truth][answer]` instances; what has no name is left out.
    pub counts: Vec<Vec<u64>>,
}

impl Matrix {
    /// Returns the table as an SVG document; a cell is the darker the larger its share of its row.
    #[must_use]
    pub fn to_svg(&self) -> String {
        self.drawn(true)
    }

    /// Returns the table as an SVG that brings no style: the page has that of [`super::style`].
    #[must_use]
    pub fn to_inline_svg(&self) -> String {
        self.drawn(false)
    }

    fn drawn(&self, has_style: bool) -> String {
        let cell = (SPAN / self.classes.len().max(1) as f64).min(WIDEST);
        let span = cell * self.classes.len() as f64;
        let mut out = self.head(LEFT + span.max(320.0) + 30.0, TOP + span + 30.0, has_style);
        if cell >= NAMED {
            self.names(&mut out, cell);
        }
        for (row, counts) in self.counts.iter().enumerate().take(self.classes.len()) {
            self.row(&mut out, cell, row, counts);
        }
        out.push_str("</svg>\n");
        out
    }

    fn head(&self, width: f64, height: f64, has_style: bool) -> String {
        let mut out = head((width, height), (&self.title, &self.description), has_style);
        if has_style {
            line(&mut out, format_args!("<style>\n{STYLE}</style>"));
        }
        line(
            &mut out,
            format_args!("<text class=\"title\" x=\"16\" y=\"30\">{}</text>", escaped(&self.title)),
        );
        text(&mut out, 16.0, 54.0, "start", "rows: the true class; columns: the answer");
        out
    }

    fn names(&self, out: &mut String, cell: f64) {
        for (place, name) in self.classes.iter().enumerate() {
            let middle = (place as f64 + 0.5) * cell;
            let short = shortened(name);
            text(out, LEFT - 8.0, TOP + middle + 4.5, "end", &short);
            let (x, y) = (LEFT + middle, TOP - 8.0);
            let turned = format!("rotate(-35 {x:.1} {y:.1})");
            line(
                out,
                format_args!(
                    "<text x=\"{x:.1}\" y=\"{y:.1}\" transform=\"{turned}\">{}</text>",
                    escaped(&short)
                ),
            );
        }
    }

    fn row(&self, out: &mut String, cell: f64, row: usize, counts: &[u64]) {
        let whole = counts.iter().sum::<u64>().max(1) as f64;
        let truth = self.classes.get(row).map_or("", String::as_str);
        for (column, (count, answer)) in counts.iter().zip(&self.classes).enumerate() {
            let share = *count as f64 / whole;
            let (x, y) = (LEFT + column as f64 * cell, TOP + row as f64 * cell);
            let said = escaped(&format!("{count} of {truth} answered as {answer}"));
            line(
                out,
                format_args!(
                    "<rect class=\"cell\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{cell:.1}\" height=\"{cell:.1}\" \
                     fill-opacity=\"{share:.3}\"><title>{said}</title></rect>"
                ),
            );
            if *count > 0 && cell >= READABLE {
                let class = if share > 0.5 { " class=\"over\"" } else { "" };
                let (x, y) = (x + cell / 2.0, y + cell / 2.0 + 4.5);
                line(
                    out,
                    format_args!(
                        "<text{class} x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{count}</text>"
                    ),
                );
            }
        }
    }
}

fn shortened(name: &str) -> String {
    if name.chars().count() <= LONGEST {
        return name.to_owned();
    }
    name.chars().take(LONGEST - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(classes: &[&str], counts: &[&[u64]]) -> Matrix {
        Matrix {
            title: "who was <taken> for whom".to_owned(),
            description: "two & two".to_owned(),
            classes: classes.iter().map(|&name| name.to_owned()).collect(),
            counts: counts.iter().map(|row| row.to_vec()).collect(),
        }
    }

    #[test]
    fn each_cell_says_its_count_and_is_as_dark_as_its_share_of_the_row() {
        let svg = matrix(&["cat", "<dog>"], &[&[3, 1], &[0, 8]]).to_svg();
        assert!(svg.contains("fill-opacity=\"0.750\"><title>3 of cat answered as cat</title>"), "{svg}");
        assert!(
            svg.contains("fill-opacity=\"0.250\"><title>1 of cat answered as &lt;dog&gt;</title>"),
            "{svg}"
        );
        assert!(svg.contains("fill-opacity=\"1.000\"><title>8 of &lt;dog&gt; answered"), "{svg}");
        assert!(
            svg.contains("<text class=\"over\" x=\"158.0\" y=\"172.5\" text-anchor=\"middle\">3</text>"),
            "{svg}"
        );
        assert!(!svg.contains(">0</text>"), "{svg}");
        assert!(svg.contains("<title>who was &lt;taken&gt; for whom</title>"), "{svg}");
    }

    #[test]
    fn a_hundred_classes_no_class_and_rows_that_do_not_fit_make_a_document_too() {
        let many: Vec<String> = (0..100).map(|i| format!("class number {i}")).collect();
        let names: Vec<&str> = many.iter().map(String::as_str).collect();
        let rows = vec![vec![1; 100]; 100];
        let rows: Vec<&[u64]> = rows.iter().map(Vec::as_slice).collect();
        assert_eq!(matrix(&names, &rows).to_svg().matches("<rect class=\"cell\"").count(), 10_000);
        assert!(matrix(&["a-name-of-twenty-one"], &[&[1]]).to_svg().contains("a-name-of-twe…"));
        assert!(matrix(&[], &[]).to_svg().ends_with("</svg>\n"));
        assert_eq!(matrix(&["a"], &[&[1, 2], &[3]]).to_svg().matches("<rect class=\"cell\"").count(), 1);
    }
}
