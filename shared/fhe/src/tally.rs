//! The tally: from the sum of the ballots to one label ciphertext per instance, or one digit of a test.

use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use super::circuits::{Circuit, Effort};
use super::expand::{self, Lwe};
use super::keys::EvaluationKeys;
use super::labels::LabelCiphertexts;
use super::lookup::LOOK_UPS_PER_BATCH;
use super::resolution::Resolution;
use super::sum::RunningSum;

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
    /// No instance is to be tallied.
    #[error("no instance was given to tally; a round none of whose instances pass has no labels")]
    NoInstance,
    /// The instances are not instances of the round in ascending order.
    #[error(
        "instance {instance} is out of place: the instances to tally must ascend without repetition and be numbered \
         0 to {}, as in the round", instances - 1
    )]
    Instance {
        /// The first instance that is out of place.
        instance: usize,
        /// Instances of the round.
        instances: usize,
    },
    /// The range is beyond what the exact circuit resolves.
    #[error("argmax = \"exact\" does not resolve a range of {0} votes")]
    ExactBound(u64),
    /// The caller asked to stop.
    #[error("the tally was cancelled after {done} of {instances} instances")]
    Cancelled {
        /// Instances tallied before.
        done: usize,
        /// Instances to be tallied.
        instances: usize,
    },
}

/// How the work is cut; the result does not depend on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Batching {
    /// Instances evaluated side by side, divided among the threads.
    pub(crate) instances: usize,
    /// Look-ups that share one walk through the bootstrapping key, at most.
    pub(crate) look_ups: usize,
}

impl Batching {
    /// Every level of a tournament has at least one look-up per instance: a full batch for each thread.
    fn for_current_pool() -> Self {
        let look_ups = LOOK_UPS_PER_BATCH;
        Self { instances: look_ups * rayon::current_num_threads(), look_ups }
    }
}

/// Finds the class with the most votes of each instance, under encryption, on the threads of the current
/// rayon pool; with the resolution of a test, whether that class reaches the threshold.
///
/// The labels have the layout [`Resolution::outcomes`]. `on_progress` is told after every few instances how many
/// are done. `cancel` is looked at as often. The same sum under the same keys gives the same bytes; with tfhe's
/// rotation, on the same kind of CPU.
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
    let all: Vec<usize> = (0..resolution.layout().instances()).collect();
    tally_instances(keys, resolution, sum, &all, cancel, on_progress)
}

/// Tallies only these instances of the sum, numbered from 0 and in ascending order; otherwise as [`tally`].
///
/// The labels come out in the order of the list, and their layout has as many instances as the list. The label of an
/// instance has the same bits as in a tally of all.
///
/// # Errors
/// Refuses an empty list, one that does not ascend or names an instance the round does not have, and what [`tally`]
/// refuses.
pub fn tally_instances(
    keys: &EvaluationKeys,
    resolution: &Resolution,
    sum: &RunningSum,
    instances: &[usize],
    cancel: &AtomicBool,
    on_progress: impl FnMut(usize),
) -> Result<LabelCiphertexts, TallyError> {
    tally_in_batches(keys, resolution, sum, instances, Batching::for_current_pool(), cancel, on_progress)
}

/// Tallies these instances as [`tally_instances`] does, and hands the labels over a few instances at a time: no more than
/// those are in memory.
///
/// Between chunks `cancel` is looked at. All chunks one after another are the labels of [`tally_instances`].
///
/// # Errors
/// Refuses what [`tally_instances`] refuses, and stops at the first error of `on_chunk`.
pub fn tally_chunks(
    keys: &EvaluationKeys,
    resolution: &Resolution,
    sum: &RunningSum,
    instances: &[usize],
    cancel: &AtomicBool,
    on_chunk: impl FnMut(&LabelCiphertexts) -> Result<(), TallyError>,
) -> Result<(), TallyError> {
    chunks_in_batches(keys, resolution, sum, instances, Batching::for_current_pool(), cancel, on_chunk)
}

pub(crate) fn tally_in_batches(
    keys: &EvaluationKeys,
    resolution: &Resolution,
    sum: &RunningSum,
    instances: &[usize],
    batching: Batching,
    cancel: &AtomicBool,
    mut on_progress: impl FnMut(usize),
) -> Result<LabelCiphertexts, TallyError> {
    let outcomes = resolution.outcomes().of_instances(instances.len()).map_err(|_| TallyError::NoInstance)?;
    let mut labels = LabelCiphertexts::new(keys.parameter_set(), outcomes);
    let mut done = 0;
    chunks_in_batches(keys, resolution, sum, instances, batching, cancel, |chunk| {
        labels.append(chunk);
        done += chunk.layout().instances();
        on_progress(done);
        Ok(())
    })?;
    Ok(labels)
}

fn chunks_in_batches(
    keys: &EvaluationKeys,
    resolution: &Resolution,
    sum: &RunningSum,
    instances: &[usize],
    batching: Batching,
    cancel: &AtomicBool,
    mut on_chunk: impl FnMut(&LabelCiphertexts) -> Result<(), TallyError>,
) -> Result<(), TallyError> {
    let layout = resolution.layout();
    if sum.layout() != layout {
        return Err(TallyError::Layout { expected: layout.slots(), got: sum.layout().slots() });
    }
    check_instances(instances, layout.instances())?;
    let circuit = Circuit::plan(resolution)?;
    let mut done = 0;
    for chunk in instances.chunks(batching.instances.max(1)) {
        if cancel.load(Ordering::Relaxed) {
            return Err(TallyError::Cancelled { done, instances: instances.len() });
        }
        done += chunk.len();
        let outcomes = resolution.outcomes().of_instances(chunk.len()).map_err(|_| TallyError::NoInstance)?;
        let mut labels = LabelCiphertexts::new(keys.parameter_set(), outcomes);
        // each thread has instances of its own, so that none waits for another at the end of each level
        let part = chunk.len().div_ceil(rayon::current_num_threads()).min(batching.look_ups).max(1);
        let digits: Vec<_> = chunk
            .par_chunks(part)
            .flat_map_iter(|part| circuit.run(keys, expand_instances(sum, part), batching.look_ups))
            .collect();
        digits.iter().for_each(|digits| labels.push(digits));
        on_chunk(&labels)?;
    }
    Ok(())
}

/// Checks that the list ascends and stays below the number of instances of the round.
fn check_instances(list: &[usize], instances: usize) -> Result<(), TallyError> {
    let mut previous = None;
    for &instance in list {
        if instance >= instances || previous.is_some_and(|previous| previous >= instance) {
            return Err(TallyError::Instance { instance, instances });
        }
        previous = Some(instance);
    }
    Ok(())
}

/// Returns the ciphertexts of some instances, one per class each.
fn expand_instances(sum: &RunningSum, instances: &[usize]) -> Vec<Vec<Lwe>> {
    let classes = sum.layout().classes();
    let slots = |instance: usize| instance * classes..(instance + 1) * classes;
    instances
        .par_iter()
        .map(|&instance| slots(instance).map(|slot| expand::slot(sum, slot)).collect())
        .collect()
}

/// Returns the work that one instance takes in the tally of a resolution.
///
/// # Errors
/// Refuses a range that the exact circuit does not resolve.
pub fn effort(resolution: &Resolution) -> Result<Effort, TallyError> {
    Ok(Circuit::plan(resolution)?.effort())
}
