//! The expected error of a label against tables of the normal law and against drawn noise.

use super::{demo_plan, policy};
use crate::error_rate::normal_tail;
use crate::{NoiseMode, NoisePlan, draw_shares};

#[test]
fn the_normal_tail_agrees_with_the_tables() {
    // To fifteen digits, on both sides of the change of method at 2.5.
    let table = [
        (0.0, 0.5),
        (0.5, 0.308_537_538_725_986_9),
        (1.0, 0.158_655_253_931_457_05),
        (2.0, 0.022_750_131_948_179_21),
        (2.5, 0.006_209_665_325_776_132),
        (3.0, 0.001_349_898_031_630_094_5),
        (5.0, 2.866_515_718_791_939e-7),
        (8.0, 6.220_960_574_271_785e-16),
    ];
    for (x, expected) in table {
        let tail = normal_tail(x);
        assert!((tail - expected).abs() < 1e-12 * expected, "{x}: {tail}, not {expected}");
    }
    let (below, above) = (normal_tail(2.5 - 1e-9), normal_tail(2.5 + 1e-9));
    assert!(below > above && below / above < 1.0 + 1e-8);
    assert_eq!(normal_tail(1e6), 0.0);
}

#[test]
fn a_larger_lead_is_lost_less_often() {
    let plan = demo_plan();
    assert_eq!(plan.error_at_gap(0), 0.5);
    // V = 384: a lead of √(2·384) = 27.7 votes is one standard deviation of the difference.
    assert!((plan.error_at_gap(28) - 0.156).abs() < 0.001, "{}", plan.error_at_gap(28));
    assert!((1..200).all(|gap| plan.error_at_gap(gap) < plan.error_at_gap(gap - 1)));
    let silent = NoisePlan::new(policy("0", "0", "0.7", NoiseMode::InsecureNoNoise), 5, 5).unwrap();
    assert_eq!((silent.error_at_gap(0), silent.error_at_gap(1)), (0.5, 0.0));
}

/// Draws what the five participants and the coordinator of the demo draw for two classes, many times. The number
/// of lost leads is binomial; six of its deviations, and half a vote for ties that the Gaussian does not know,
/// give a false alarm below 1e-8.
#[test]
fn drawn_noise_flips_a_lead_as_often_as_predicted() {
    let plan = demo_plan();
    let instances = 4_000;
    let mut differences = vec![0i64; instances];
    let sizes = std::iter::repeat_n(plan.share_size(), 5).chain([plan.coordinator_share_size()]);
    for size in sizes {
        let shares = draw_shares(size, 2 * instances).unwrap();
        for (difference, pair) in differences.iter_mut().zip(shares.chunks(2)) {
            *difference += pair[1] - pair[0];
        }
    }
    let gap = 20;
    // A tie counts half, as it would with an unbiased coin.
    let twice: i64 = differences.iter().map(|d| i64::from(*d > gap) + i64::from(*d >= gap)).sum();
    let lost = twice as f64 / 2.0;
    let expected = plan.error_at_gap(20) * instances as f64;
    let deviation = (expected * (1.0 - expected / instances as f64)).sqrt();
    assert!((lost - expected).abs() < 6.0 * deviation, "{lost} of {instances} lost, {expected} expected");
}
