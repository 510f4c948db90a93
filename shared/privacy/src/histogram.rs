//! The vote histogram and its noise as OpenDP sees them, so that the library computes what a vote can move.

use opendp::combinators::make_chain_mt;
use opendp::core::{Function, Measurement, StabilityMap, Transformation};
use opendp::domains::{AtomDomain, VectorDomain};
use opendp::error::Fallible;
use opendp::measurements::make_gaussian;
use opendp::measures::ZeroConcentratedDivergence;
use opendp::metrics::{HammingDistance, L2Distance};
use opendp::traits::InfMul;

/// One class index per teacher; their number is known to everyone.
type Votes = VectorDomain<AtomDomain<u32>>;
/// One count per class.
type Counts = VectorDomain<AtomDomain<i64>>;

/// Makes the map from `teachers` votes, each below `classes`, to the counts per class.
///
/// Two sets of votes are at distance d if d votes differ. One replaced vote takes one from a count and adds one
/// to another, √2 in L2; d of them add up to d·√2 at most, where all leave one class for the same other.
pub(super) fn make_vote_histogram(
    teachers: usize,
    classes: u32,
) -> Fallible<Transformation<Votes, HammingDistance, Counts, L2Distance<f64>>> {
    let slots = usize::try_from(classes).unwrap_or(usize::MAX);
    let count = move |votes: &Vec<u32>| {
        let mut counts = vec![0i64; slots];
        for vote in votes {
            let slot = usize::try_from(*vote).ok().and_then(|class| counts.get_mut(class));
            slot.into_iter().for_each(|slot| *slot += 1);
        }
        counts
    };
    Transformation::new(
        VectorDomain::new(AtomDomain::new_closed((0, classes.saturating_sub(1)))?).with_size(teachers),
        HammingDistance,
        VectorDomain::new(AtomDomain::default()).with_size(slots),
        L2Distance::default(),
        Function::new(count),
        // The float SQRT_2 lies above the real root and the product is rounded up: never understated.
        StabilityMap::new_fallible(|moved: &u32| f64::from(*moved).inf_mul(&std::f64::consts::SQRT_2)),
    )
}

/// Makes the histogram with Gaussian noise of parameter `scale` votes on every count; its map takes the number
/// of replaced votes to ρ.
pub(super) fn make_noisy_histogram(
    teachers: usize,
    classes: u32,
    scale: f64,
) -> Fallible<Measurement<Votes, HammingDistance, ZeroConcentratedDivergence, Vec<i64>>> {
    let histogram = make_vote_histogram(teachers, classes)?;
    let noise = make_gaussian(histogram.output_domain.clone(), histogram.output_metric.clone(), scale, None)?;
    make_chain_mt(&noise, &histogram)
}

/// Asks the library for the ρ of one instance for whoever replaces `votes` votes, rounded up.
///
/// The map knows neither how many teachers vote nor how many classes there are, so the smallest domain that can
/// hold such a change stands for all.
pub(super) fn loss_of_replacing(votes: u32, scale: f64) -> Fallible<f64> {
    make_noisy_histogram(usize::try_from(votes).unwrap_or(usize::MAX), 2, scale)?.map(&votes)
}
