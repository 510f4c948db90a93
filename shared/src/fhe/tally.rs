//! The tally: from the sum of the ballots to one label ciphertext per instance.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use super::argmax::ArgmaxKind;
use super::exact::Exact;
use super::expand::{self, Lwe};
use super::keys::EvaluationKeys;
use super::labels::LabelCiphertexts;
use super::lookup::LOOK_UPS_PER_BATCH;
use super::resolution::Resolution;
use super::sum::RunningSum;
use super::tournament::Tournament;

/// Why there is no tally.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TallyError {
    /// The sum belongs to a round of another shape.
    #[error("the sum holds {got} slots, the round has {expected}; it belongs to another round")]
    Layout {
        /// Slots of the round.
        expected: usize,
        /// Slots of the sum.
        got: usize,
    },
    /// The range is beyond what the exact circuit resolves.
    #[error("argmax = \"exact\" does not resolve a range of {0} votes")]
    ExactBound(u64),
    /// Labels or squashing key are for other parameters than the evaluation keys.
    #[error(
        "the {what} was made with the parameters `{got}`, the evaluation keys with `{expected}`; \
         take both from the same federation"
    )]
    Parameters {
        /// What does not fit.
        what: &'static str,
        /// The name of the evaluation keys' set.
        expected: &'static str,
        /// The name of the other's set.
        got: &'static str,
    },
    /// The caller asked to stop.
    #[error("the tally was cancelled after {done} of {instances} instances")]
    Cancelled {
        /// Instances tallied before.
        done: usize,
        /// Instances of the round.
        instances: usize,
    },
}

/// How the work is cut; the result does not depend on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Batching {
    /// Instances evaluated side by side.
    pub(crate) instances: usize,
    /// Look-ups that share one walk through the bootstrapping key.
    pub(crate) look_ups: usize,
}

impl Batching {
    /// Every level of a tournament has at least one look-up per instance: one full batch for each thread,
    /// twice.
    fn for_current_pool() -> Self {
        let instances = 2 * LOOK_UPS_PER_BATCH * rayon::current_num_threads().div_ceil(2);
        Self { instances, look_ups: LOOK_UPS_PER_BATCH }
    }
}

/// Finds the class with the most votes of each instance, under encryption, on the threads of the current
/// rayon pool.
///
/// `on_progress` is told after every few instances how many are done. `cancel` is looked at as often. The
/// same sum under the same keys gives the same bytes on the same kind of CPU.
///
/// # Errors
/// Refuses a sum of another layout than the resolution's, and stops when cancelled.
pub fn tally(
    keys: &EvaluationKeys,
    resolution: &Resolution,
    sum: &RunningSum,
    cancel: &AtomicBool,
    on_progress: impl FnMut(usize),
) -> Result<LabelCiphertexts, TallyError> {
    tally_in_batches(keys, resolution, sum, Batching::for_current_pool(), cancel, on_progress)
}

pub(crate) fn tally_in_batches(
    keys: &EvaluationKeys,
    resolution: &Resolution,
    sum: &RunningSum,
    batching: Batching,
    cancel: &AtomicBool,
    mut on_progress: impl FnMut(usize),
) -> Result<LabelCiphertexts, TallyError> {
    let layout = resolution.layout();
    if sum.layout() != layout {
        return Err(TallyError::Layout { expected: layout.slots(), got: sum.layout().slots() });
    }
    let circuit = Circuit::new(resolution)?;
    let instances = layout.instances();
    let mut labels = LabelCiphertexts::new(keys.parameter_set(), layout);
    for first in (0..instances).step_by(batching.instances.max(1)) {
        if cancel.load(Ordering::Relaxed) {
            return Err(TallyError::Cancelled { done: first, instances });
        }
        let chunk = first..(first + batching.instances.max(1)).min(instances);
        let done = chunk.end;
        for digits in circuit.run(keys, expand_instances(sum, chunk), batching.look_ups) {
            labels.push(&digits);
        }
        on_progress(done);
    }
    Ok(labels)
}

/// The ciphertexts of some instances, one per class each.
fn expand_instances(sum: &RunningSum, instances: Range<usize>) -> Vec<Vec<Lwe>> {
    let classes = sum.layout().classes();
    let slots = |instance: usize| instance * classes..(instance + 1) * classes;
    instances
        .into_par_iter()
        .map(|instance| slots(instance).map(|slot| expand::slot(sum, slot)).collect())
        .collect()
}

enum Circuit {
    Tournament(Box<Tournament>),
    Exact(Box<Exact>),
}

impl Circuit {
    fn new(resolution: &Resolution) -> Result<Self, TallyError> {
        let classes = resolution.layout().classes();
        let bound = resolution.bound();
        match resolution.argmax() {
            ArgmaxKind::Tournament => Ok(Self::Tournament(Box::new(Tournament::new(classes)))),
            ArgmaxKind::Exact => Exact::new(classes, bound)
                .map(|exact| Self::Exact(Box::new(exact)))
                .ok_or(TallyError::ExactBound(bound)),
        }
    }

    fn run(&self, keys: &EvaluationKeys, counts: Vec<Vec<Lwe>>, batch: usize) -> Vec<Vec<Lwe>> {
        match self {
            Self::Tournament(tournament) => tournament.run(keys, counts, batch),
            Self::Exact(exact) => exact.run(keys, &counts, batch),
        }
    }
}
