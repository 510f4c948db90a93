//! Axes: where a value lies and where the grid lines are.

/// One axis of a chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// What it measures, with the unit.
    pub label: String,
    /// How values are spaced.
    pub scale: Scale,
}

/// How values are spaced along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Equal differences are equal lengths.
    Linear,
    /// Equal ratios are equal lengths; only values above zero are shown.
    Logarithmic,
}

/// An axis with its range: `from` < `to`, both finite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Range {
    scale: Scale,
    from: f64,
    to: f64,
}

impl Scale {
    /// Returns whether a value can be shown: none is beyond 10^12 or nearer to zero than 10^-12, except zero itself
    /// on a linear axis, so that no range overflows and no grid is endless.
    pub(super) fn shows(self, value: f64) -> bool {
        match self {
            Self::Linear => value == 0.0 || (1e-12..=1e12).contains(&value.abs()),
            Self::Logarithmic => (1e-12..=1e12).contains(&value),
        }
    }
}

impl Range {
    /// Spans all values, which the scale must show; a range of nothing or of one value is widened.
    pub(super) fn of(scale: Scale, values: impl Iterator<Item = f64>) -> Self {
        let (low, high) =
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        let (low, high) = if low <= high { (low, high) } else { (1.0, 10.0) };
        match scale {
            Scale::Linear => {
                let step = step(high - low.min(0.0));
                Self { scale, from: (low.min(0.0) / step).floor() * step, to: (high / step).ceil() * step }
                    .widened(step)
            }
            Scale::Logarithmic => {
                let from = ladder(low).into_iter().rev().find(|rung| *rung <= low).unwrap_or(low);
                let to = ladder(high).into_iter().find(|rung| *rung >= high).unwrap_or(high);
                Self { scale, from, to }.widened(from)
            }
        }
    }

    fn widened(self, by: f64) -> Self {
        if self.to > self.from { self } else { Self { to: self.from + by.max(f64::MIN_POSITIVE), ..self } }
    }

    /// Returns where a value lies between the range's ends, 0 to 1.
    pub(super) fn place(&self, value: f64) -> f64 {
        let place = match self.scale {
            Scale::Linear => (value - self.from) / (self.to - self.from),
            Scale::Logarithmic => (value / self.from).log10() / (self.to / self.from).log10(),
        };
        place.clamp(0.0, 1.0)
    }

    /// Returns the values of the grid lines, from low to high.
    pub(super) fn ticks(&self) -> Vec<f64> {
        match self.scale {
            Scale::Linear => {
                let step = step(self.to - self.from);
                let count = ((self.to - self.from) / step).round() as u32;
                (0..=count).map(|i| self.from + f64::from(i) * step).collect()
            }
            Scale::Logarithmic => {
                let decades = (self.to / self.from).log10();
                let first = self.from.log10().floor() as i32;
                let last = self.to.log10().ceil() as i32;
                // Many decades: every n-th power of ten alone; few: 1, 2 and 5 of each.
                let every = (decades / 8.0).ceil().max(1.0) as usize;
                let powers = (first..=last).step_by(every);
                let digits: &[f64] = if decades > 4.0 { &[1.0] } else { &[1.0, 2.0, 5.0] };
                powers
                    .flat_map(|power| digits.iter().map(move |digit| times_power(*digit, power)))
                    .filter(|tick| (self.from * 0.999..=self.to * 1.001).contains(tick))
                    .collect()
            }
        }
    }
}

/// Writes a tick briefly: 0.01, 5, 2000, 1e7.
pub(super) fn tick_text(value: f64) -> String {
    if value != 0.0 && !(1e-4..1e6).contains(&value.abs()) {
        return format!("{value:e}");
    }
    // Nine digits hide what adding steps leaves behind.
    let text = format!("{value:.9}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Returns 1, 2 or 5 times a power of ten, so that about five steps fill the span.
fn step(span: f64) -> f64 {
    if !(span > 0.0 && span.is_finite()) {
        return 1.0;
    }
    let rough = span / 5.0;
    ladder(rough).into_iter().find(|rung| *rung >= rough).unwrap_or(rough)
}

/// Lists 1, 2 and 5 times the powers of ten around a positive value.
fn ladder(value: f64) -> Vec<f64> {
    let power = value.log10().floor() as i32;
    let powers = power.saturating_sub(1)..=power.saturating_add(1);
    powers.flat_map(|power| [1.0, 2.0, 5.0].map(|digit| times_power(digit, power))).collect()
}

/// Returns the float nearest to digit·10^power, as a reader of decimals would read it.
fn times_power(digit: f64, power: i32) -> f64 {
    format!("{digit}e{power}").parse().unwrap_or(digit)
}
