//! The noise is what it says: the law of drawn sums, and the red light when something is left out.
//!
//! Each accepting test draws once and is wrong with probability below 1e-6 per statistic: the chi-square
//! p-value is compared with 1e-6, the variance with 5.2 standard errors (2e-7 by the normal law; the skew of
//! a mean of 12 000 squares at most doubles it). Each rejecting test can miss too; its rate is stated there.

use super::law::{Law, chi_square_p, variance_z};
use super::{demo_plan, policy};
use crate::{NoiseMode, NoisePlan, ShareSize, draw_shares};

const SLOTS: usize = 12_000;
const CELLS: usize = 21;
const FALSE_ALARM: f64 = 1e-6;
const STANDARD_ERRORS: f64 = 5.2;

/// Adds the shares of several parties slot by slot, as the encrypted sum does.
fn sum(parties: &[Vec<i64>]) -> Vec<i64> {
    (0..SLOTS).map(|slot| parties.iter().map(|shares| shares[slot]).sum()).collect()
}

fn draw(size: ShareSize, parties: usize) -> Vec<Vec<i64>> {
    (0..parties).map(|_| draw_shares(size, SLOTS).unwrap().to_vec()).collect()
}

fn fits(law: &Law, drawn: &[i64]) -> bool {
    chi_square_p(law, drawn, CELLS) >= FALSE_ALARM && variance_z(law, drawn).abs() <= STANDARD_ERRORS
}

/// Five participants of the demo: variance 5·8² per slot, in the analysed shape. The same statistics turn
/// red on what a broken federation would add.
#[test]
fn five_shares_have_the_analysed_law_and_any_omission_shows() {
    let plan = demo_plan();
    let law = Law::discrete_gaussian(8.0).times(5);
    let shares = draw(plan.share_size(), 5);
    let drawn = sum(&shares);
    let p = chi_square_p(&law, &drawn, CELLS);
    assert!(fits(&law, &drawn), "p = {p}, z = {}", variance_z(&law, &drawn));

    // One participant omits its share: variance 256 instead of 320. The chi-square statistic then has mean
    // near 280 and spread near 33, against a limit of 68: it misses with probability below 1e-9.
    let four = sum(&shares[..4]);
    let p = chi_square_p(&law, &four, CELLS);
    assert!(p < FALSE_ALARM, "four shares pass as five: p = {p}");
    assert!(variance_z(&law, &four) < -STANDARD_ERRORS);

    // Shares cut to whole multiples of their size before scaling: most become zero, variance about 175.
    let truncated: Vec<Vec<i64>> =
        shares.iter().map(|of_one| of_one.iter().map(|share| share / 8 * 8).collect()).collect();
    assert!(!fits(&law, &sum(&truncated)), "truncated shares pass");

    // Truncated to nothing, as in the published system that executed almost no noise.
    assert!(!fits(&law, &[0; SLOTS]), "no noise passes");

    // The same share added five times has 25 times the variance of one, not 5 times.
    let copied: Vec<i64> = shares[0].iter().map(|share| share * 5).collect();
    assert!(!fits(&law, &copied), "one copied share passes");
}

/// The coordinator's noise on top: variance 384, and 320 without it. By the variance alone (0.833 of what it
/// should be, 9 standard errors from the limit) the omission is missed with probability below 1e-15.
#[test]
fn the_coordinators_noise_is_part_of_the_law() {
    let plan = demo_plan();
    let law = Law::discrete_gaussian(8.0).times(6);
    let mut shares = draw(plan.share_size(), 5);
    let without = sum(&shares);
    shares.extend(draw(plan.coordinator_share_size(), 1));
    let with = sum(&shares);
    assert!((law.variance() - plan.drawn_variance()).abs() < 1e-6);
    assert!(fits(&law, &with), "p = {}, z = {}", chi_square_p(&law, &with, CELLS), variance_z(&law, &with));
    assert!(variance_z(&law, &without) < -STANDARD_ERRORS);
}

/// The smallest share size that is allowed, and one that is no whole number: s = 5/√4 rounded up.
#[test]
fn small_and_fractional_shares_keep_their_variance() {
    for (sigma, size) in [("3", 1.5), ("5", 2.5)] {
        let plan = NoisePlan::new(policy(sigma, "0", "0.7", NoiseMode::Participants), 5, 5).unwrap();
        let law = Law::discrete_gaussian(size).times(5);
        let drawn = sum(&draw(plan.share_size(), 5));
        // Few distinct values: fewer cells, so that none is empty by law.
        let p = chi_square_p(&law, &drawn, 9);
        assert!(p >= FALSE_ALARM, "sigma {sigma}: p = {p}");
        assert!(variance_z(&law, &drawn).abs() <= STANDARD_ERRORS);
    }
}

/// Equal draws would need the generator to repeat 64 values: below 2^-190 at s = 8.
#[test]
fn a_second_draw_is_another_draw() {
    let size = demo_plan().share_size();
    assert_ne!(*draw_shares(size, 64).unwrap(), *draw_shares(size, 64).unwrap());
}

#[test]
fn size_zero_draws_zeros_and_no_slots_draw_nothing() {
    assert_eq!(*draw_shares(ShareSize::ZERO, 7).unwrap(), vec![0; 7]);
    assert!(draw_shares(ShareSize(1 << 21), 0).unwrap().is_empty());
}

/// Not reachable from a plan (sizes end at 10^6 votes): 2^44 votes is the largest size there is, and its
/// shares stay 64 standard deviations below 2^50.
#[test]
fn the_largest_size_draws_large_values_and_does_not_wrap() {
    let shares = draw_shares(ShareSize(u64::MAX), 64).unwrap();
    assert!(shares.iter().all(|share| share.unsigned_abs() < 1 << 50));
    // All 64 below a thousandth of the size: probability below 1e-190.
    assert!(shares.iter().any(|share| share.unsigned_abs() > 1 << 34));
}
