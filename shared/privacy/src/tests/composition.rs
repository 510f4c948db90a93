//! Composition: rounds add up in any order, colluders cost what their noise was worth, and nothing is charged
//! below the Gaussian limit.

use dashu::integer::{IBig, UBig};
use dashu::rational::RBig;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::{Membership, NoisePlan, Rho, RoundCost, Sensitivity};
use base::decimal::Decimal;

fn crowd(enrolled: u32, quorum: u32) -> Membership {
    Membership {
        enrolled,
        quorum,
        honest_fraction: Decimal::SEVEN_TENTHS,
        sensitivity: Sensitivity { participants_per_person: 1, teachers: 1 },
        persons: None,
    }
}

fn votes(millionths: u64) -> Decimal {
    Decimal::from_millionths(millionths).unwrap()
}

/// Returns what a crowd whose shares have size `share` may claim when all but `honest` of them collude or stay away.
fn plan_with_shares(share: f64, enrolled: u32, quorum: u32) -> NoisePlan {
    let membership = crowd(enrolled, quorum);
    let honest = membership.plan(votes(1_000_000_000_000), Decimal::ZERO).unwrap().honest();
    let sigma = (share * f64::from(honest).sqrt() * 1e6).floor() as u64;
    membership.plan(votes(sigma), Decimal::ZERO).unwrap()
}

fn loss(plan: &NoisePlan, k: u32, labels: u32) -> Rho {
    let sensitivity = Sensitivity { participants_per_person: 1, teachers: k };
    RoundCost::new(plan, sensitivity, labels).unwrap().rho.participant.public.unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The same shares are worth less the more participants collude or stay away, in every view and unit.
    #[test]
    fn fewer_honest_shares_of_the_same_size_cost_more(
        enrolled in 10u32..500, share in 1.6f64..50.0, more in 1u32..100, k in 1u32..20, labels in 1u32..2000,
    ) {
        // With τ = 0.7 at most three tenths collude; what the quorum lacks is not counted on either.
        let quorum = enrolled - (more % (enrolled / 2)).max(1);
        let all = plan_with_shares(share, enrolled, enrolled);
        let few = plan_with_shares(share, enrolled, quorum);
        prop_assert!(few.honest() < all.honest());
        prop_assert!(loss(&few, k, labels) > loss(&all, k, labels));
    }

    /// Each further colluder, by the honest fraction alone, costs more of the same shares; at the same σ it costs
    /// more noise drawn.
    #[test]
    fn each_colluder_costs(enrolled in 4u32..300, tau in 300_000u64..1_000_000, share in 1.6f64..50.0) {
        let at = |tau: u64, sigma: Option<Decimal>| {
            let membership = Membership { honest_fraction: votes(tau), ..crowd(enrolled, enrolled) };
            let honest = membership.plan(votes(1_000_000_000_000), Decimal::ZERO).unwrap().honest();
            let same_shares = votes((share * f64::from(honest).sqrt() * 1e6).floor() as u64);
            membership.plan(sigma.unwrap_or(same_shares), Decimal::ZERO).unwrap()
        };
        let (trusting, wary) = (at(1_000_000, None), at(tau, None));
        prop_assume!(wary.colluding() > trusting.colluding());
        prop_assert!(loss(&wary, 1, 1) > loss(&trusting, 1, 1));
        let sigma = trusting.policy().sigma;
        prop_assert!(at(tau, Some(sigma)).drawn_variance() > trusting.drawn_variance());
    }

    /// A person at more participants and a participant with more teachers both cost more, as the square.
    #[test]
    fn more_votes_cost_their_square(sigma in 20_000_000u64..400_000_000, m in 1u32..20, labels in 1u32..2000) {
        let plan = crowd(100, 100).plan(votes(sigma), Decimal::ZERO).unwrap();
        let of = |m: u32| {
            let sensitivity = Sensitivity { participants_per_person: m, teachers: m + 1 };
            RoundCost::new(&plan, sensitivity, labels).unwrap().rho
        };
        let (one, several, more) = (of(1), of(m), of(m + 1));
        prop_assert!(more.person.public > several.person.public);
        prop_assert!(more.participant.coordinator > several.participant.coordinator);
        prop_assert_eq!(several.participant, more.person, "the units differ in the votes they move, in nothing else");
        let ratio = several.person.public.unwrap().to_f64() / one.person.public.unwrap().to_f64();
        prop_assert!((ratio / f64::from(m * m) - 1.0).abs() < 1e-6, "{ratio}");
    }

    /// Rounds of different federations' policies, sizes and teachers add up to the same in whatever order.
    #[test]
    fn the_order_of_composition_does_not_matter(
        rounds in prop::collection::vec((20_000_000u64..400_000_000, 1u32..50, 1u32..5000), 1..12),
        swaps in prop::collection::vec((any::<Index>(), any::<Index>()), 0..20),
    ) {
        let charge = |(sigma, k, labels): &(u64, u32, u32)| {
            loss(&crowd(100, 100).plan(votes(*sigma), Decimal::ZERO).unwrap(), *k, *labels)
        };
        let charges: Vec<Rho> = rounds.iter().map(charge).collect();
        let sum = |charges: &[Rho]| charges.iter().try_fold(Rho::ZERO, |sum, rho| sum.checked_add(*rho)).unwrap();
        let mut shuffled = charges.clone();
        for (a, b) in swaps {
            shuffled.swap(a.index(charges.len()), b.index(charges.len()));
        }
        prop_assert_eq!(sum(&shuffled), sum(&charges));
        // And from the middle outwards.
        let (left, right) = charges.split_at(charges.len() / 2);
        prop_assert_eq!(sum(right).checked_add(sum(left)).unwrap(), sum(&charges));
    }

    /// No charge lies below the Gaussian limit Q·Δ₂²/(2V) = Q·k²/(σ² + σ_c²), compared as exact rationals.
    #[test]
    fn no_charge_is_below_the_gaussian_limit(
        sigma in 20_000_000u64..400_000_000, coordinator in 1_500_000u64..100_000_000,
        k in 1u32..100, labels in 1u32..5000,
    ) {
        let plan = crowd(100, 100).plan(votes(sigma), votes(coordinator)).unwrap();
        let sensitivity = Sensitivity { participants_per_person: 1, teachers: k };
        let rho = RoundCost::new(&plan, sensitivity, labels).unwrap().rho;
        let limit = |variance: u128| {
            let moved = IBig::from(u128::from(labels) * u128::from(k) * u128::from(k) * 1_000_000_000_000);
            RBig::from_parts(moved, UBig::from(variance))
        };
        let (own, its) = (u128::from(sigma).pow(2), u128::from(coordinator).pow(2));
        let charged = |rho: Option<Rho>| RBig::from_parts(IBig::from(rho.unwrap().units()), UBig::ONE << 50);
        prop_assert!(charged(rho.participant.public) >= limit(own + its));
        prop_assert!(charged(rho.participant.coordinator) >= limit(own));
    }
}
