//! The range D, the scale and the circuit follow from the announcement alone.
#![expect(clippy::print_stdout, reason = "the share of the error is read off the output of the tests")]

use proptest::prelude::*;

use super::*;

fn tournament(classes: usize, instances: usize, teachers: u32, variance: f64) -> Resolution {
    Resolution::new(Layout::new(classes, instances).unwrap(), ArgmaxKind::Tournament, teachers, variance)
        .unwrap()
}

#[test]
fn the_reference_round_has_the_reference_range() {
    // 250 votes, σ = 40 over h = 175 honest shares of which 250 are drawn, 1000 instances of ten classes
    let resolution = tournament(10, 1000, 250, 250.0 * 1600.0 / 175.0);
    assert!(resolution.bound().abs_diff(947) <= 2, "{}", resolution.bound());
    assert_eq!(resolution.scale(), ((1_u64 << 63) / resolution.bound()) >> 3);
}

#[test]
fn without_noise_the_range_is_the_teachers_and_the_circuits_own_error() {
    let resolution = tournament(10, 500, 100, 0.0);
    assert_eq!((resolution.bound(), resolution.votes()), (106, 4));
    let layout = Layout::new(10, 500).unwrap();
    let exact = Resolution::new(layout, ArgmaxKind::Exact, 100, 0.0).unwrap();
    // 100 votes are 1968 of 2048 ticks
    assert_eq!(exact.bound(), 105);
    assert_eq!((exact.votes(), exact.scale()), (0, (1_u64 << 63) / 105));
}

#[test]
fn a_threshold_counts_as_one_more_class_at_half_the_scale() {
    let layout = Layout::new(10, 1000).unwrap();
    let drawn = 250.0 * 1600.0 / 175.0;
    let plain = Resolution::new(layout, ArgmaxKind::Tournament, 250, drawn).unwrap();
    let with = Resolution::with_threshold(layout, ArgmaxKind::Tournament, 250, drawn, 130).unwrap();
    // 55 instead of 45 differences, and a little more of the circuit's own error
    assert!((1..=8).contains(&(with.bound() - plain.bound())), "{} {}", with.bound(), plain.bound());
    assert_eq!(with.scale(), ((1_u64 << 63) / with.bound()) >> 4);
    assert_eq!((with.threshold(), plain.threshold()), (Some(130), None));
    assert_eq!((with.is_test(), with.outcomes(), plain.threshold_votes()), (false, layout, 0));
    // the abstention's votes are half a vote short of the threshold, which then is enough
    let plaintext = with.threshold_plaintext().unwrap();
    assert_eq!(plaintext, 130 * with.scale() - with.scale() / 2);
    let exact = Resolution::with_threshold(layout, ArgmaxKind::Exact, 250, drawn, 130).unwrap();
    assert_eq!((exact.threshold_votes(), exact.scale()), (0, (1_u64 << 63) / exact.bound()));
    assert_eq!(exact.threshold_plaintext(), Some(130 * exact.scale()));
}

#[test]
fn the_test_of_the_reference_round_has_a_range_of_its_own() {
    // σ₁ = 150 over h = 175 honest shares of which 250 are drawn
    let layout = Layout::new(10, 1000).unwrap();
    let test = Resolution::test(layout, 250, 250.0 * 22_500.0 / 175.0, 200).unwrap();
    assert!(test.bound().abs_diff(2_859) <= 100, "{}", test.bound());
    assert_eq!((test.is_test(), test.votes(), test.threshold()), (true, 0, Some(200)));
    assert_eq!((test.layout(), test.outcomes()), (layout, layout.test()));
    let label =
        Resolution::with_threshold(layout, ArgmaxKind::Tournament, 250, 250.0 * 22_500.0 / 175.0, 200);
    // the labels' circuit is read coarsely, which asks for a little more room
    assert!((0..=10).contains(&(label.unwrap().bound() - test.bound())));
    assert!(test.threshold_votes() > 0);
}

#[test]
fn a_threshold_that_no_count_of_votes_can_mean_is_refused() {
    let layout = Layout::new(10, 10).unwrap();
    for threshold in [0, 51, u32::MAX] {
        let refused = ResolutionError::Threshold { threshold, teachers: 50 };
        for argmax in [ArgmaxKind::Tournament, ArgmaxKind::Exact] {
            let error = Resolution::with_threshold(layout, argmax, 50, 9.0, threshold).unwrap_err();
            assert_eq!(error, refused);
        }
        assert_eq!(Resolution::test(layout, 50, 9.0, threshold), Err(refused));
    }
    let seventeen = Layout::new(17, 10).unwrap();
    let error = Resolution::with_threshold(seventeen, ArgmaxKind::Exact, 50, 9.0, 5).unwrap_err();
    assert_eq!(error, ResolutionError::ExactClasses(17));
    assert_eq!(
        Resolution::new(layout.test(), ArgmaxKind::Tournament, 50, 9.0),
        Err(ResolutionError::Outcomes)
    );
    assert!(Resolution::test(layout, 0, 9.0, 1).is_err_and(|e| e == ResolutionError::Teachers(0)));
    assert_eq!(Resolution::test(layout, 50, -1.0, 1), Err(ResolutionError::Variance(-1.0)));
}

#[test]
fn values_without_sense_are_refused_and_named() {
    let layout = Layout::new(10, 10).unwrap();
    let new = |teachers, variance| Resolution::new(layout, ArgmaxKind::Tournament, teachers, variance);
    assert_eq!(new(0, 1.0), Err(ResolutionError::Teachers(0)));
    assert_eq!(new(MAX_TEACHERS + 1, 1.0), Err(ResolutionError::Teachers(MAX_TEACHERS + 1)));
    assert_eq!(new(10, -1.0), Err(ResolutionError::Variance(-1.0)));
    assert_eq!(new(10, f64::INFINITY), Err(ResolutionError::Variance(f64::INFINITY)));
    assert!(matches!(new(10, f64::NAN), Err(ResolutionError::Variance(variance)) if variance.is_nan()));
    assert_eq!(new(10, 1e300), Err(ResolutionError::Bound));
    assert_eq!(new(10, f64::MAX), Err(ResolutionError::Bound));
}

#[test]
fn the_parameter_names_are_those_of_the_config() {
    assert_eq!(serde_json::to_string(&ParameterSet::InsecureToy).unwrap(), "\"insecure_toy\"");
    assert_eq!(serde_json::from_str::<ArgmaxKind>("\"exact\"").unwrap(), ArgmaxKind::Exact);
    assert_eq!(serde_json::from_str::<ArgmaxKind>("{\"within\":30}").unwrap(), ArgmaxKind::Within(30));
    assert!(serde_json::from_str::<ArgmaxKind>("\"fast\"").is_err());
    assert_ne!(ParameterSet::Full.digest(), ParameterSet::InsecureToy.digest());
}

/// Noise of standard deviation σ in every count of 250 votes.
fn noisy(classes: usize, sigma: f64) -> Resolution {
    tournament(classes, 1000, 250, sigma * sigma)
}

#[test]
fn a_config_may_state_how_much_of_the_noise_the_circuit_may_err() {
    let layout = Layout::new(100, 1000).unwrap();
    let within = |kind| Resolution::new(layout, kind, 250, 19.0 * 19.0).unwrap();
    let (strict, fair, rough) =
        (within(ArgmaxKind::Within(1)), within(ArgmaxKind::Within(18)), within(ArgmaxKind::Within(30)));
    assert_eq!(
        (strict.precise(), rough.precise()),
        (6, 0),
        "nothing is finer than fine, or coarser than coarse"
    );
    assert!((1..6).contains(&fair.precise()), "{}", fair.precise());
    for (kind, resolution) in [(18.0, fair), (30.0, rough)] {
        let share = 100.0 * resolution.comparison_deviation() / (2.0_f64 * 19.0 * 19.0).sqrt();
        assert!(share <= kind, "{share} % of {kind} %");
    }
    let (fifteen, tournament) = (within(ArgmaxKind::Within(15)), within(ArgmaxKind::Tournament));
    assert_eq!((fifteen.bound(), fifteen.precise()), (tournament.bound(), tournament.precise()));
    assert_eq!(ParameterSet::of(rough.argmax()), ParameterSet::Swift);
}

#[test]
fn only_as_much_precision_is_spent_as_the_noise_leaves() {
    // ten classes have three levels before the final, a hundred have six
    for (classes, sigma, precise) in [(10, 40.0, 0), (10, 19.0, 0), (10, 1.0, 3), (100, 1.0, 6)] {
        assert_eq!(noisy(classes, sigma).precise(), precise, "{classes} classes, σ = {sigma}");
    }
    for classes in [2, 10, 33, 100] {
        let mut before = u32::MAX;
        for sigma in [2.0, 10.0, 19.0, 30.0, 40.0, 80.0] {
            let resolution = noisy(classes, sigma);
            let share = resolution.comparison_deviation() / (sigma * 2.0_f64.sqrt());
            let levels = classes.next_power_of_two().trailing_zeros() - 1;
            println!(
                "{classes} classes, σ = {sigma}: {} of {levels} levels fine, error {:.1} % of the noise, D = {}",
                resolution.precise(),
                100.0 * share,
                resolution.bound()
            );
            assert!(
                share <= 0.15 || resolution.precise() == levels,
                "{classes} classes, σ = {sigma}: {share}"
            );
            assert!(resolution.precise() <= before, "more noise never asks for more precision");
            before = resolution.precise();
        }
    }
}

#[test]
fn the_keys_are_as_noisy_as_132_bits_ask_for() {
    use tfhe::core_crypto::commons::noise_formulas::secure_noise::{
        minimal_lwe_bound_for_132_bits_security_tuniform, minimal_lwe_variance_for_132_bits_security_gaussian,
    };
    use tfhe::core_crypto::prelude::LweDimension;
    for set in [&FULL, &SWIFT] {
        let tuniform = |n: u32| {
            minimal_lwe_bound_for_132_bits_security_tuniform(LweDimension(n as usize), 64_f64.exp2())
        };
        assert!(set.glwe_noise_log2 >= tuniform(set.glwe_dimension * set.polynomial_size));
        match set.lwe_noise {
            Noise::TUniform { bound_log2 } => assert!(bound_log2 >= tuniform(set.lwe_dimension)),
            Noise::Gaussian { deviation } => {
                let dimension = LweDimension(set.lwe_dimension as usize);
                let least = minimal_lwe_variance_for_132_bits_security_gaussian(dimension, 64_f64.exp2());
                let least = least.0.sqrt() * 64_f64.exp2();
                println!("least deviation at n = {}: {least:.0} = 2^{:.3}", set.lwe_dimension, least.log2());
                assert!((least..1.01 * least).contains(&(deviation as f64)), "{deviation}");
            }
        }
    }
}

proptest! {
    #[test]
    fn more_of_anything_never_narrows_the_range(
        classes in 2..100_usize,
        instances in 1..100_000_usize,
        teachers in 1..10_000_u32,
        variance in 0.0..1e6_f64,
        more in 1..1000_u32,
    ) {
        let least = tournament(classes, instances, teachers, variance);
        let more_of = [
            tournament(classes + 1, instances, teachers, variance),
            tournament(classes, instances + more as usize, teachers, variance),
            tournament(classes, instances, teachers + more, variance),
            tournament(classes, instances, teachers, variance + f64::from(more)),
        ];
        // A circuit that is read more finely errs less, and may need less room.
        for resolution in more_of.into_iter().filter(|more| more.precise() == least.precise()) {
            prop_assert!(resolution.bound() >= least.bound());
            prop_assert!(resolution.votes() >= least.votes());
        }
        let (argmax, threshold) = (ArgmaxKind::Tournament, more.min(teachers));
        let with =
            Resolution::with_threshold(least.layout(), argmax, teachers, variance, threshold).unwrap();
        let doublings = classes.next_power_of_two().trailing_zeros();
        let full_range = (u128::from(with.scale()) * u128::from(with.bound())) << doublings;
        prop_assert!(full_range <= 1 << 63);
    }

    #[test]
    fn the_range_holds_the_teachers_and_fits_the_torus(
        classes in 2..=16_usize,
        instances in 1..10_000_usize,
        teachers in 1..1000_u32,
        variance in 0.0..1e4_f64,
        exact in any::<bool>(),
    ) {
        let argmax = if exact { ArgmaxKind::Exact } else { ArgmaxKind::Tournament };
        let layout = Layout::new(classes, instances).unwrap();
        let resolution = Resolution::new(layout, argmax, teachers, variance).unwrap();
        // fewer deviations than any union bound asks for
        let reach = f64::from(teachers) + 5.0 * (2.0 * variance).sqrt();
        prop_assert!(resolution.bound() as f64 >= reach);
        let doublings = if exact { 0 } else { classes.next_power_of_two().trailing_zeros() - 1 };
        let full_range = (u128::from(resolution.scale()) * u128::from(resolution.bound())) << doublings;
        prop_assert!(full_range <= 1 << 63);
        // and wastes less than a millionth of it
        prop_assert!(full_range >= (1 << 63) - (1 << 43));
    }
}
