//! Plans: the demo's numbers, exactness, and every refusal with its words.

use proptest::prelude::*;

use super::{demo_plan, policy};
use crate::{NoiseMode, NoisePlan, NoisePolicy, ShareSize};
use base::decimal::Decimal;

#[test]
fn the_demo_counts_on_four_honest_shares_of_eight_votes() {
    let plan = demo_plan();
    assert_eq!((plan.enrolled(), plan.quorum(), plan.colluding(), plan.honest()), (5, 5, 1, 4));
    assert_eq!(plan.share_size(), ShareSize(8 << 20));
    assert_eq!(plan.coordinator_share_size(), ShareSize(8 << 20));
    assert_eq!(plan.drawn_variance(), 384.0);
}

#[test]
fn one_honest_participant_alone_draws_everything() {
    let plan = NoisePlan::new(policy("40", "0", "1", NoiseMode::Participants), 1, 1).unwrap();
    assert_eq!((plan.colluding(), plan.honest(), plan.share_size().to_f64()), (0, 1, 40.0));
    assert_eq!(plan.drawn_variance(), 1600.0);
}

/// 0.3·10 is 3 in decimals; a binary 1 − 0.7 would make it 3.0000000000000004 or 2.9999999999999996.
#[test]
fn the_colluding_count_is_exact_where_floats_slip() {
    let colluding = |tau: &str, n: u32| {
        NoisePlan::new(policy("100", "0", tau, NoiseMode::Participants), n, n).unwrap().colluding()
    };
    assert_eq!(colluding("0.7", 10), 3);
    assert_eq!(colluding("0.9", 10), 1);
    assert_eq!(colluding("0.700001", 10), 2);
    assert_eq!(colluding("0.666667", 3), 0);
    assert_eq!(colluding("0.666666", 3), 1);
}

/// σ²·2^40/h lies just above a square here (by less than one): a root of the rounded-down quotient would give
/// a share one step too small.
#[test]
fn a_share_size_just_above_a_whole_step_is_rounded_up() {
    let plan = NoisePlan::new(policy("5.928284", "0", "1", NoiseMode::Participants), 2, 2).unwrap();
    assert_eq!(plan.share_size(), ShareSize(4_395_558));
}

fn refusal(policy: NoisePolicy, enrolled: u32, quorum: u32) -> String {
    NoisePlan::new(policy, enrolled, quorum).unwrap_err().to_string()
}

#[test]
fn refusals_name_the_value_and_the_remedy() {
    let with = |sigma, coordinator, tau| policy(sigma, coordinator, tau, NoiseMode::Both);
    let cases = [
        (refusal(with("16", "8", "0"), 5, 5), "honest fraction 0 is outside (0, 1]"),
        (refusal(with("16", "8", "1.000001"), 5, 5), "honest fraction 1.000001 is outside (0, 1]"),
        (refusal(with("16", "8", "0.7"), 5, 6), "quorum 6 exceeds the 5 enrolled participants"),
        (refusal(with("16", "8", "0.7"), 0, 0), "the quorum must be at least 1"),
        (
            refusal(with("16", "8", "0.7"), 10, 3),
            "up to 3 of 10 participants may collude, so the quorum must be at least 4",
        ),
        (
            refusal(with("2.5", "8", "0.7"), 5, 5),
            "for 5 participants, quorum 5 and honest fraction 0.7 the smallest sigma is 3",
        ),
        (refusal(with("16", "1.499999", "0.7"), 5, 5), "coordinator_sigma 1.499999 is below 1.5"),
        (refusal(with("1000000.1", "8", "0.7"), 5, 5), "sigma 1000000.1 is above 1000000 votes"),
        (refusal(with("0", "8", "0.7"), 5, 5), "noise mode `both` needs sigma above 0"),
        (refusal(with("16", "0", "0.7"), 5, 5), "noise mode `both` needs coordinator_sigma above 0"),
        (
            refusal(policy("16", "8", "0.7", NoiseMode::Participants), 5, 5),
            "noise mode `participants` excludes coordinator_sigma, which is 8",
        ),
        (
            refusal(policy("16", "8", "0.7", NoiseMode::InsecureCoordinatorNoiseOnly), 5, 5),
            "noise mode `insecure_coordinator_noise_only` excludes sigma, which is 16",
        ),
        (
            refusal(policy("0", "8", "0.7", NoiseMode::InsecureNoNoise), 5, 5),
            "noise mode `insecure_no_noise` excludes coordinator_sigma, which is 8",
        ),
    ];
    for (said, expected) in cases {
        assert!(said.contains(expected), "`{said}` does not contain `{expected}`");
    }
}

#[test]
fn the_insecure_modes_draw_what_they_say_and_are_named() {
    let plan =
        NoisePlan::new(policy("0", "8", "0.7", NoiseMode::InsecureCoordinatorNoiseOnly), 5, 5).unwrap();
    assert!(plan.share_size().is_zero());
    assert_eq!(plan.drawn_variance(), 64.0);
    let plan = NoisePlan::new(policy("0", "0", "0.7", NoiseMode::InsecureNoNoise), 5, 5).unwrap();
    assert_eq!(plan.drawn_variance(), 0.0);
    assert_eq!(NoiseMode::InsecureNoNoise.insecure_name(), Some("insecure_no_noise"));
    assert_eq!(NoiseMode::Both.insecure_name(), None);
}

#[test]
fn a_policy_is_read_from_toml_and_unknown_keys_are_refused() {
    let text = "sigma = 16\ncoordinator_sigma = \"8\"\nhonest_fraction = 0.7\nmode = \"both\"\n";
    let read: NoisePolicy = toml::from_str(text).unwrap();
    assert_eq!(read, *demo_plan().policy());
    assert_eq!(toml::from_str::<NoisePolicy>(&toml::to_string(&read).unwrap()).unwrap(), read);
    assert_eq!(borsh::from_slice::<NoisePolicy>(&borsh::to_vec(&read).unwrap()).unwrap(), read);
    let unknown = toml::from_str::<NoisePolicy>(&format!("{text}epsilon = 1\n")).unwrap_err().to_string();
    assert!(unknown.contains("unknown field `epsilon`"), "{unknown}");
    let mode = toml::from_str::<NoisePolicy>(&text.replace("both", "none")).unwrap_err().to_string();
    assert!(mode.contains("unknown variant `none`") && mode.contains("insecure_no_noise"), "{mode}");
}

proptest! {
    /// s is the smallest multiple of 2^-20 with h·s² ≥ σ²: checked by squaring, not by taking roots.
    #[test]
    fn share_sizes_are_rounded_up_by_less_than_one_step(
        millionths in 1_500_000u64..1_000_000_000_000, enrolled in 1u32..5_000, tau in 1u64..=1_000_000,
    ) {
        let sigma = Decimal::from_millionths(millionths).unwrap();
        let honest_fraction = Decimal::from_millionths(tau).unwrap();
        let policy =
            NoisePolicy { sigma, coordinator_sigma: Decimal::ZERO, honest_fraction, mode: NoiseMode::Participants };
        let plan = NoisePlan::new(policy, enrolled, enrolled);
        prop_assume!(plan.is_ok());
        let plan = plan.unwrap();
        let reached = |size: u64| u128::from(plan.honest()) * u128::from(size).pow(2) * 1_000_000_000_000;
        let wanted = u128::from(millionths).pow(2) << 40;
        prop_assert!(reached(plan.share_size().0) >= wanted);
        prop_assert!(reached(plan.share_size().0 - 1) < wanted);
        // c ≤ (1 − τ)·N < c + 1, in millionths.
        let exact = u64::from(enrolled) * (1_000_000 - tau);
        prop_assert!(u64::from(plan.colluding()) * 1_000_000 <= exact);
        prop_assert!(exact < u64::from(plan.colluding() + 1) * 1_000_000);
        // The drawn variance covers σ² and what more is drawn, and is not wasteful.
        let size = plan.share_size().to_f64();
        let drawn = plan.drawn_variance() / (f64::from(enrolled) * size * size);
        prop_assert!((1.0 - 1e-15..1.0 + 1e-12).contains(&drawn), "{drawn}");
    }

    /// The σ that a refusal names is accepted, and one millionth less is refused.
    #[test]
    fn the_smallest_sigma_named_is_the_smallest_accepted(enrolled in 1u32..100_000) {
        let at = |sigma: Decimal| {
            let honest_fraction = Decimal::from_float(0.7).unwrap();
            let mode = NoiseMode::Participants;
            NoisePlan::new(
                NoisePolicy { sigma, coordinator_sigma: Decimal::ZERO, honest_fraction, mode }, enrolled, enrolled,
            )
        };
        let refused = at(Decimal::from_millionths(1_000_000).unwrap()).unwrap_err();
        let crate::NoiseError::ShareTooSmall { smallest, .. } = refused else {
            return Err(TestCaseError::fail(refused.to_string()));
        };
        prop_assert!(at(smallest).is_ok());
        prop_assert!(at(Decimal::from_millionths(smallest.millionths() - 1).unwrap()).is_err());
    }
}
