//! Calibration: the smallest noise that keeps a promise, what noise buys, and refusals with their nearest choice.

use proptest::prelude::*;

use super::delta;
use crate::{
    MAX_LABELS, Membership, NoiseMode, NoisePlan, PrivacyTargets, RoundCost, Search, Sensitivity, Target,
    Unit, View, labels_for, solve,
};
use base::decimal::Decimal;

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn members(enrolled: u32, teachers: u32) -> Membership {
    Membership {
        enrolled,
        quorum: enrolled,
        honest_fraction: decimal("0.7"),
        sensitivity: Sensitivity { participants_per_person: 1, teachers },
        persons: None,
    }
}

fn target(epsilon: &str, labels: u32) -> Target {
    Target { epsilon: decimal(epsilon), delta: delta(), labels, unit: Unit::Person }
}

fn public(target: Target) -> PrivacyTargets {
    PrivacyTargets::only(View::Public, target)
}

fn shown(plan: &NoisePlan, membership: &Membership, view: View, target: &Target) -> f64 {
    let cost = RoundCost::new(plan, membership.sensitivity, target.labels).unwrap();
    let cost = cost.epsilon(target.delta).unwrap();
    match target.unit {
        Unit::Person => cost.person.get(view).unwrap(),
        Unit::Participant => cost.participant.get(view).unwrap(),
    }
}

#[test]
fn the_published_noise_for_a_thousand_labels_at_epsilon_one_is_found() {
    let plan = solve(&members(250, 1), &public(target("1", 1000)), Search::DEFAULT).unwrap();
    assert_eq!(plan.policy().sigma, decimal("180.904"));
    assert_eq!(
        (plan.policy().coordinator_sigma, plan.policy().mode),
        (Decimal::ZERO, NoiseMode::Participants)
    );
    // In whole votes it is rounded up, not to the nearest.
    let search = Search { step: Decimal::ONE, ..Search::DEFAULT };
    let plan = solve(&members(250, 1), &public(target("0.999", 1000)), search).unwrap();
    assert_eq!(plan.policy().sigma, decimal("182"));
}

#[test]
fn the_coordinators_noise_makes_up_what_only_the_public_is_promised() {
    let targets = PrivacyTargets { public: Some(target("1", 1000)), coordinator: Some(target("2", 1000)) };
    let membership = members(250, 1);
    let plan = solve(&membership, &targets, Search::DEFAULT).unwrap();
    let policy = *plan.policy();
    let alone = solve(&membership, &PrivacyTargets { public: None, ..targets }, Search::DEFAULT).unwrap();
    assert_eq!(policy.sigma, alone.policy().sigma, "σ is what the coordinator's target needs, no more");
    let total = (policy.sigma.to_f64().powi(2) + policy.coordinator_sigma.to_f64().powi(2)).sqrt();
    assert!((180.903..180.906).contains(&total), "{total}");
    for (view, target) in targets.iter() {
        assert!(shown(&plan, &membership, view, &target) <= target.epsilon.to_f64());
    }
    // One step less of either breaks its promise.
    let less = |sigma: Decimal| Decimal::from_millionths(sigma.millionths() - 1000).unwrap();
    let plan = membership.plan(less(policy.sigma), policy.coordinator_sigma).unwrap();
    assert!(shown(&plan, &membership, View::Coordinator, &target("2", 1000)) > 2.0);
    let plan = membership.plan(policy.sigma, less(policy.coordinator_sigma)).unwrap();
    assert!(shown(&plan, &membership, View::Public, &target("1", 1000)) > 1.0);
}

#[test]
fn a_given_noise_of_the_coordinator_is_counted_for_the_public_only() {
    let search = Search { coordinator_sigma: Some(decimal("100")), ..Search::DEFAULT };
    let plan = solve(&members(250, 1), &public(target("1", 1000)), search).unwrap();
    // √(180.904² − 100²) = 150.75
    assert!((150.7..150.8).contains(&plan.policy().sigma.to_f64()), "{}", plan.policy().sigma);
    let coordinator = PrivacyTargets::only(View::Coordinator, target("1", 1000));
    assert_eq!(solve(&members(250, 1), &coordinator, search).unwrap().policy().sigma, decimal("180.904"));
}

#[test]
fn a_promise_to_participants_needs_k_times_the_noise() {
    let promise = Target { unit: Unit::Participant, ..target("1", 1000) };
    let plan = solve(&members(250, 20), &public(promise), Search::DEFAULT).unwrap();
    assert!(
        (20.0 * 180.903..20.0 * 180.9045).contains(&plan.policy().sigma.to_f64()),
        "{}",
        plan.policy().sigma
    );
}

#[test]
fn a_lax_promise_still_gets_shares_that_add_up() {
    let plan = solve(&members(250, 1), &public(target("50", 1)), Search::DEFAULT).unwrap();
    // 1.5·√175 = 19.843…, the smallest σ of 175 honest shares.
    assert_eq!(plan.policy().sigma, decimal("19.844"));
    let targets =
        PrivacyTargets { public: Some(target("5.375", 1000)), coordinator: Some(target("5.38", 1000)) };
    let plan = solve(&members(250, 1), &targets, Search::DEFAULT).unwrap();
    assert!(plan.policy().coordinator_sigma >= decimal("1.5"), "{:?}", plan.policy());
}

#[test]
fn a_hundred_and_seventy_three_labels_are_all_that_epsilon_two_buys() {
    let membership = members(250, 2);
    let plan = membership.plan(decimal("40"), Decimal::ZERO).unwrap();
    let labels = labels_for(&plan, membership.sensitivity, decimal("2"), delta()).unwrap();
    assert_eq!((labels.person.public, labels.person.both), (Some(173), Some(173)));
    assert_eq!(labels.participant.coalition, Some(43), "a quarter of it: two votes cost four times one");
    let none = labels_for(&plan, membership.sensitivity, decimal("0.01"), delta()).unwrap();
    assert_eq!(none.person.public, Some(0));
    let all = labels_for(&plan, membership.sensitivity, Decimal::MAX, delta()).unwrap();
    assert!(all.person.public.unwrap() < MAX_LABELS && all.person.public.unwrap() > 1_000_000_000);
}

#[test]
fn refusals_name_the_nearest_choice() {
    let membership = members(250, 1);
    let said = |membership: &Membership, targets: PrivacyTargets| {
        solve(membership, &targets, Search::DEFAULT).unwrap_err().to_string()
    };
    let good = public(target("1", 1000));
    let of_participants = |delta: f64| {
        public(Target { delta: delta.try_into().unwrap(), unit: Unit::Participant, ..target("1", 10) })
    };
    let step = Search { step: Decimal::ZERO, ..Search::DEFAULT };
    let small = Search { coordinator_sigma: Some(decimal("1")), ..Search::DEFAULT };
    let cases = [
        (said(&membership, PrivacyTargets::default()), "no view has a target"),
        (said(&membership, public(target("0", 10))), "give an epsilon above 0, such as 1"),
        (said(&membership, public(target("1", 0))), "0 labels for the public view: give at least one"),
        (
            said(&membership, of_participants(0.004)),
            "delta 4e-3 is not below 1/250, one over the number of participants",
        ),
        (said(&membership, of_participants(0.5)), "such as 1e-3"),
        (
            said(&Membership { persons: Some(100_000), ..membership }, good),
            "delta 1e-5 is not below 1/100000, one over the number of persons: publishing one person outright would \
             satisfy it, so give a smaller delta, such as 1e-6",
        ),
        (
            said(&Membership { quorum: 75, ..membership }, good),
            "so the quorum must be at least 76 or the honest fraction at least 0.700001",
        ),
        (
            said(&Membership { honest_fraction: Decimal::ZERO, ..membership }, good),
            "honest fraction 0 is outside (0, 1]",
        ),
        (said(&Membership { quorum: 251, ..membership }, good), "lower the quorum to at most 250"),
        (
            said(
                &members(250, 1000),
                public(Target { unit: Unit::Participant, ..target("0.001", 1_000_000) }),
            ),
            "is out of reach in the public view: even sigma 1000000 reaches epsilon ",
        ),
        (solve(&membership, &good, step).unwrap_err().to_string(), "a step of 0 votes is outside (0, 1]"),
        (solve(&membership, &good, small).unwrap_err().to_string(), "coordinator_sigma 1 is below 1.5"),
    ];
    for (said, expected) in cases {
        assert!(said.contains(expected), "`{said}` does not contain `{expected}`");
    }
    // The quorum and the fraction that the refusal names are accepted.
    let named = Membership { quorum: 76, ..membership };
    solve(&named, &good, Search::DEFAULT).unwrap();
    let named = Membership { quorum: 75, honest_fraction: decimal("0.700001"), ..membership };
    solve(&named, &good, Search::DEFAULT).unwrap();
    // δ just below one over the number is accepted.
    solve(&membership, &of_participants(0.003_999), Search::DEFAULT).unwrap();
}

#[test]
fn targets_are_read_from_toml_and_protect_persons_unless_they_say_otherwise() {
    let text = "[public]\nepsilon = 1\ndelta = 1e-5\nlabels = 1000\n\n[coordinator]\nepsilon = 2.5\ndelta = 1e-5\nlabels = 1000\nunit = \"participant\"\n";
    let targets: PrivacyTargets = toml::from_str(text).unwrap();
    assert_eq!(targets.public, Some(target("1", 1000)));
    assert_eq!(targets.coordinator, Some(Target { unit: Unit::Participant, ..target("2.5", 1000) }));
    assert_eq!(toml::from_str::<PrivacyTargets>(&toml::to_string(&targets).unwrap()).unwrap(), targets);
    assert_eq!(borsh::from_slice::<PrivacyTargets>(&borsh::to_vec(&targets).unwrap()).unwrap(), targets);
    let cases = [
        ("epsilon = 1\n", "epsilon = nan\n", "`NaN` is not a plain decimal"),
        ("epsilon = 1\n", "epsilon = inf\n", "`inf` is not a plain decimal"),
        ("epsilon = 1\n", "epsilon = -1\n", "`-1` is negative"),
        ("delta = 1e-5", "delta = 1.0", "delta 1 is not above 0 and below 1"),
        ("labels = 1000", "labels = -1", "-1"),
        ("labels = 1000", "lables = 1000", "unknown field `lables`"),
        ("participant", "hospital", "unknown variant `hospital`"),
        ("[public]", "[publick]", "unknown field `publick`"),
    ];
    for (from, to, expected) in cases {
        let said = toml::from_str::<PrivacyTargets>(&text.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(said.contains(expected), "{to}: `{said}` does not contain `{expected}`");
    }
    assert_eq!(
        "both".parse::<View>().unwrap_err().to_string(),
        "`both` is not a view with a target: give public or coordinator"
    );
    assert_eq!(
        "record".parse::<Unit>().unwrap_err().to_string(),
        "`record` is not a unit of privacy: give person or participant"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever is promised, the promise is kept and one step less noise breaks it, unless shares are as small
    /// as they may be.
    #[test]
    fn the_noise_found_is_the_smallest(
        enrolled in 3u32..400, k in 1u32..30, labels in 1u32..5000, epsilon in 50_000u64..20_000_000,
        is_participant: bool, is_coordinator: bool,
    ) {
        let unit = if is_participant { Unit::Participant } else { Unit::Person };
        let view = if is_coordinator { View::Coordinator } else { View::Public };
        let epsilon = Decimal::from_millionths(epsilon).unwrap();
        let target = Target { epsilon, delta: delta(), labels, unit };
        let membership = members(enrolled, k);
        let plan = solve(&membership, &PrivacyTargets::only(view, target), Search::DEFAULT).unwrap();
        prop_assert!(shown(&plan, &membership, view, &target) <= epsilon.to_f64());
        let sigma = plan.policy().sigma;
        prop_assert_eq!(sigma.millionths() % 1000, 0);
        let less = Decimal::from_millionths(sigma.millionths() - 1000).unwrap();
        if let Ok(less) = membership.plan(less, Decimal::ZERO) {
            prop_assert!(shown(&less, &membership, view, &target) > epsilon.to_f64());
        }
    }

    /// The labels that ε buys cost at most ε, and one more costs more.
    #[test]
    fn the_labels_bought_are_the_most(sigma in 20u64..2000, k in 1u32..10, epsilon in 500_000u64..20_000_000) {
        let membership = members(100, k);
        let plan = membership.plan(Decimal::from_whole(sigma).unwrap(), Decimal::ZERO).unwrap();
        let epsilon = Decimal::from_millionths(epsilon).unwrap();
        let labels = labels_for(&plan, membership.sensitivity, epsilon, delta()).unwrap();
        for (unit, labels) in [(Unit::Person, labels.person.public), (Unit::Participant, labels.participant.public)] {
            let labels = u32::try_from(labels.unwrap()).unwrap();
            let at = |labels| shown(&plan, &membership, View::Public, &Target { epsilon, delta: delta(), labels, unit });
            prop_assert!(labels == 0 || at(labels) <= epsilon.to_f64());
            prop_assert!(at(labels + 1) > epsilon.to_f64());
        }
    }
}
