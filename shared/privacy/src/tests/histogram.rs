//! The vote histogram as the library sees it: what it counts, and how far replaced votes move it.

use proptest::prelude::*;

use crate::histogram::{loss_of_replacing, make_noisy_histogram, make_vote_histogram};

#[test]
fn votes_are_counted_per_class() {
    let histogram = make_vote_histogram(6, 4).unwrap();
    assert_eq!(histogram.invoke(&vec![0, 3, 3, 1, 3, 0]).unwrap(), [2, 1, 0, 3]);
}

#[test]
fn one_replaced_vote_costs_one_over_the_variance_and_k_cost_k_squared() {
    for (votes, expected) in [(1, 1.0 / 1600.0), (2, 4.0 / 1600.0), (20, 400.0 / 1600.0)] {
        let rho = loss_of_replacing(votes, 40.0).unwrap();
        assert!(rho >= expected && rho < expected * (1.0 + 1e-12), "{votes} votes: {rho}, not {expected}");
    }
    // The map does not depend on how many teachers and classes there are.
    let wide = make_noisy_histogram(250, 100, 40.0).unwrap();
    assert_eq!(wide.map(&3).unwrap(), loss_of_replacing(3, 40.0).unwrap());
}

proptest! {
    /// No two sets of votes lie further apart than the stability map says, and the worst pair lies just there.
    #[test]
    fn the_stability_map_bounds_every_pair_and_is_met(
        votes in prop::collection::vec((0u32..5, 0u32..5), 1..30),
    ) {
        let histogram = make_vote_histogram(votes.len(), 5).unwrap();
        let distance = |pairs: &[(u32, u32)]| {
            let (old, new): (Vec<u32>, Vec<u32>) = pairs.iter().copied().unzip();
            let (old, new) = (histogram.invoke(&old).unwrap(), histogram.invoke(&new).unwrap());
            old.iter().zip(&new).map(|(a, b)| ((a - b) * (a - b)) as f64).sum::<f64>().sqrt()
        };
        let moved = votes.iter().filter(|(old, new)| old != new).count();
        let bound = histogram.map(&u32::try_from(moved).unwrap()).unwrap();
        prop_assert!(distance(&votes) <= bound);
        // All leave one class for the same other.
        let worst = vec![(1, 4); votes.len()];
        let bound = histogram.map(&u32::try_from(votes.len()).unwrap()).unwrap();
        let reached = distance(&worst);
        prop_assert!(reached <= bound && reached > bound * (1.0 - 1e-12), "{reached} of {bound}");
    }
}
