//! Charts: what is drawn where, and that nothing a caller passes breaks the document.

use proptest::prelude::*;

use super::axis::{Range, tick_text};
use super::{Axis, Chart, Curve, Mark, Scale};

fn chart(scale: Scale, points: Vec<(f64, f64)>) -> Chart {
    let axis = |label: &str| Axis { label: label.to_owned(), scale };
    let mark = Mark { at: (10.0, 2.0), text: "ten labels".to_owned() };
    Chart {
        title: "a <b> & \"c\"".to_owned(),
        description: "one curve\u{0}".to_owned(),
        x: axis("labels"),
        y: axis("ε"),
        curves: vec![Curve { name: "person & public".to_owned(), points, marks: vec![mark] }],
    }
}

#[test]
fn equal_ratios_are_equal_lengths_on_a_logarithmic_axis() {
    let range = Range::of(Scale::Logarithmic, [1.0, 30.0, 1000.0].into_iter());
    assert_eq!((range.place(1.0), range.place(1000.0)), (0.0, 1.0));
    assert!((range.place(10.0) - 1.0 / 3.0).abs() < 1e-12);
    assert_eq!(range.ticks(), [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0]);
    let range = Range::of(Scale::Linear, [3.0, 9.0].into_iter());
    assert_eq!(
        (range.place(0.0), range.place(5.0), range.ticks()),
        (0.0, 0.5, vec![0.0, 2.0, 4.0, 6.0, 8.0, 10.0])
    );
}

#[test]
fn ticks_are_written_as_people_write_them() {
    let said: Vec<String> = [0.0, 0.1 + 0.2, 5.0, 2000.0, 1e7, 1e-5].map(tick_text).into();
    assert_eq!(said, ["0", "0.3", "5", "2000", "1e7", "1e-5"]);
}

#[test]
fn a_curve_is_drawn_with_its_name_and_marks_and_reserved_characters_are_escaped() {
    let svg = chart(Scale::Logarithmic, vec![(1.0, 1.0), (10.0, 2.0), (100.0, 5.0)]).to_svg();
    assert!(svg.contains("<title>a &lt;b&gt; &amp; &quot;c&quot;</title>"), "{svg}");
    assert!(svg.contains("<desc>one curve </desc>"), "{svg}");
    assert!(svg.contains("<title>person &amp; public</title>"), "{svg}");
    // The middle of one decade of two, and the place of 2 on an axis from 1 to 5.
    assert!(svg.contains("points=\"76.0,340.0 406.0,216.0 736.0,52.0\""), "{svg}");
    assert!(svg.contains("cx=\"406.0\" cy=\"216.0\" r=\"5\"><title>ten labels</title>"), "{svg}");
    assert!(svg.contains("prefers-color-scheme:dark"), "{svg}");
    let outside: Vec<_> = svg.match_indices("http").map(|(at, _)| &svg[at..at + 26]).collect();
    assert_eq!(outside, ["http://www.w3.org/2000/svg"], "the name space and nothing else");
    assert_eq!(
        chart(Scale::Logarithmic, vec![(1.0, 1.0)]).to_svg(),
        chart(Scale::Logarithmic, vec![(1.0, 1.0)]).to_svg()
    );
}

#[test]
fn a_chart_without_a_value_says_so() {
    for points in [vec![], vec![(0.0, 1.0), (f64::NAN, 2.0), (3.0, f64::INFINITY)]] {
        let svg = chart(Scale::Logarithmic, points).to_svg();
        assert!(svg.contains("no value to show") && !svg.contains("<polyline"), "{svg}");
    }
}

proptest! {
    /// Whatever the values, every coordinate lies on the page and every element is closed.
    #[test]
    fn everything_drawn_lies_on_the_page(
        points in prop::collection::vec((any::<f64>(), any::<f64>()), 0..20), is_linear: bool,
    ) {
        let scale = if is_linear { Scale::Linear } else { Scale::Logarithmic };
        let svg = chart(scale, points).to_svg();
        prop_assert!(!svg.contains("NaN") && !svg.contains("inf"), "{}", svg);
        for path in svg.split("points=\"").skip(1) {
            let path = path.split('"').next().unwrap_or_default();
            for pair in path.split(' ') {
                let (x, y) = pair.split_once(',').unwrap();
                let (x, y): (f64, f64) = (x.parse().unwrap(), y.parse().unwrap());
                prop_assert!((0.0..=760.0).contains(&x) && (0.0..=480.0).contains(&y), "{}", pair);
            }
        }
        prop_assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
        prop_assert!(svg.matches("<line").count() < 60, "a bounded number of grid lines");
    }
}
