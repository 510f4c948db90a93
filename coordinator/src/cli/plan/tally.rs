//! What a label costs to tally: the homomorphic circuit of a sole trustee's coordinator, or what several trustees compute.

use std::fmt::{self, Display, Formatter};

use fhe::{Layout, ParameterSet, Resolution, ResolutionError, TallyError, count_range, effort};
use serde::Serialize;
use tally::{
    grid::{Grid, GridError},
    plan::{Plan, PlanError, Question},
    sharing::Sharing,
    sum::SumError,
};

/// The circuit that these figures ask for, and what it costs.
#[derive(Debug, Serialize)]
pub(super) struct CircuitReport {
    /// The set of cryptographic parameters.
    parameters: ParameterSet,
    /// Levels of a tournament before its last one that are read finely.
    precise_levels: u32,
    /// Standard deviation in votes of the circuit's own error, all levels together.
    error: f64,
    /// The same as a share of the standard deviation of a noisy difference; absent without noise.
    error_share: Option<f64>,
    /// Bootstraps per label.
    bootstraps: u64,
    /// Keyswitches per label.
    keyswitches: u64,
}

impl CircuitReport {
    pub(super) fn new(resolution: &Resolution, drawn_variance: f64) -> Result<Self, TallyError> {
        let effort = effort(resolution)?;
        let (error, difference) = (resolution.comparison_deviation(), (2.0 * drawn_variance).sqrt());
        Ok(Self {
            parameters: ParameterSet::of(resolution.argmax()),
            precise_levels: resolution.precise(),
            error,
            error_share: (difference > 0.0).then_some(error / difference),
            bootstraps: effort.bootstraps,
            keyswitches: effort.keyswitches,
        })
    }
}

impl Display for CircuitReport {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { parameters, precise_levels, error, error_share, bootstraps, keyswitches } = self;
        let share = error_share.map_or_else(String::new, |share| {
            format!(", {:.1} % of that of a noisy difference", 100.0 * share)
        });
        write!(
            f,
            "            parameters {}, {precise_levels} precise levels, {bootstraps} bootstraps and {keyswitches} \
             keyswitches per label; its own error has a deviation of {error:.2} votes{share}",
            parameters.name()
        )
    }
}

/// What several trustees compute together, exactly.
#[derive(Debug, Serialize)]
pub(super) struct SharedReport {
    /// Number of trustees.
    trustees: u8,
    /// Number of them that may be corrupt.
    corrupt: u8,
    /// Number of them that compute a tally.
    present: u8,
    #[serde(skip)]
    bound: u64,
    /// Bits of a count before the point.
    whole_bits: u32,
    /// Bits of a count after the point.
    fraction_bits: u32,
    /// Products of bits per label.
    products: usize,
    /// Exchanges in which they are computed.
    layers: usize,
    /// Exchanges of a batch in all: layers, check, agreement, openings.
    exchanges: u32,
    /// Batches of a round.
    batches: usize,
    /// Bytes per label that a trustee sends in the layers: a bit for each product.
    bytes_per_label: f64,
}

/// Why several trustees have no tally.
#[derive(Debug, thiserror::Error)]
pub(super) enum SharedError {
    #[error(transparent)]
    Range(#[from] ResolutionError),
    #[error(transparent)]
    Grid(#[from] GridError),
    #[error(transparent)]
    Sum(#[from] SumError),
    #[error(transparent)]
    Plan(#[from] PlanError),
}

impl SharedReport {
    /// Plans a round of this layout; its ballots are those of all participants and the coordinator's.
    pub(super) fn new(
        (sharing, layout): (Sharing, Layout),
        (participants, teachers): (u32, u32),
        drawn_variance: f64,
        threshold: Option<u32>,
    ) -> Result<Self, SharedError> {
        let bound = count_range(layout, teachers, drawn_variance, threshold)?;
        let grid = Grid::whole(sharing, participants.saturating_add(1), |_| bound)?;
        // A layout has at most 100 classes and 10^6 instances.
        let layout = tally::sum::Layout::new(layout.classes() as u16, layout.instances() as u32)?;
        let instances = (0..layout.instances()).collect();
        let plan =
            Plan::new(sharing, Question { step: base::Step::Label, layout, instances, grid, threshold })?;
        Ok(Self {
            trustees: sharing.trustees(),
            corrupt: sharing.corrupt(),
            present: sharing.quorum(),
            bound,
            whole_bits: grid.whole_bits(),
            fraction_bits: grid.fraction_bits(),
            products: plan.products(),
            layers: plan.depth(),
            exchanges: plan.exchanges(0),
            batches: plan.batches(),
            bytes_per_label: plan.products() as f64 / 8.0,
        })
    }

    /// Returns the bound D on a difference of two counts, in votes.
    pub(super) const fn bound(&self) -> u64 {
        self.bound
    }
}

impl Display for SharedReport {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { trustees, corrupt, present, bound, whole_bits, fraction_bits, .. } = self;
        let Self { products, layers, exchanges, batches, bytes_per_label, .. } = self;
        let each = if *batches == 1 { String::new() } else { format!(" in each of {batches} batches") };
        writeln!(
            f,
            "trustees    {present} of {trustees} tally together, any {corrupt} may be corrupt; labels are exact; D = {bound} \
             votes, read to {whole_bits} + {fraction_bits} bits"
        )?;
        write!(
            f,
            "            {products} products of bits in {layers} layers and {bytes_per_label:.0} bytes sent per label and \
             trustee; {exchanges} exchanges{each}"
        )
    }
}
