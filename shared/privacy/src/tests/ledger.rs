//! The ledger: exact in any order, never overdrawn, and nothing is lost on the way.

use proptest::prelude::*;

use super::{delta, demo_plan, policy};
use crate::{
    Ledger, LedgerError, Losses, NoiseMode, NoisePlan, PrivacyTargets, RoundCost, Sensitivity, Target, Unit,
    View,
};
use base::ids::RoundId;

fn round(number: u8) -> RoundId {
    RoundId::from_bytes([number; 16])
}

fn price(instances: u32) -> RoundCost {
    RoundCost::new(&demo_plan(), Sensitivity { participants_per_person: 1, teachers: 20 }, instances).unwrap()
}

fn promise(epsilon: &str) -> PrivacyTargets {
    let target =
        Target { epsilon: epsilon.parse().unwrap(), delta: delta(), labels: 100, unit: Unit::Person };
    PrivacyTargets::only(View::Coordinator, target)
}

#[test]
fn a_promise_buys_its_labels_and_not_one_more() {
    let mut ledger = Ledger::new(promise("5"));
    let target = ledger.targets().coordinator.unwrap();
    let most = u32::try_from(ledger.labels_left(View::Coordinator, &target, &price(1)).unwrap()).unwrap();
    assert!(price(most).epsilon(target.delta).unwrap().person.coordinator.unwrap() <= 5.0);
    assert!(price(most + 1).epsilon(target.delta).unwrap().person.coordinator.unwrap() > 5.0);
    let refused = ledger.reserve(round(1), price(most + 1)).unwrap_err();
    assert!(refused.to_string().contains(&format!("room for {most} labels")), "{refused}");
    ledger.reserve(round(1), price(most - 10)).unwrap();
    let refused = ledger.reserve(round(2), price(11)).unwrap_err();
    assert!(refused.to_string().contains("room for 10 labels"), "{refused}");
    assert_eq!(ledger.reserve(round(1), price(1)), Err(LedgerError::Twice(round(1))));
    ledger.give_back(round(1)).unwrap();
    ledger.reserve(round(2), price(most)).unwrap();
    ledger.charge(round(2)).unwrap();
    assert!(ledger.reserve(round(3), price(1)).is_err(), "spent is spent");
}

#[test]
fn a_round_may_cost_less_than_reserved_but_not_more() {
    let mut ledger = Ledger::new(PrivacyTargets::default());
    ledger.reserve(round(1), price(50)).unwrap();
    assert_eq!(ledger.commit(round(1), &price(51)), Err(LedgerError::MoreThanReserved(round(1))));
    ledger.commit(round(1), &price(20)).unwrap();
    assert_eq!((ledger.spent(), ledger.reserved()), (&price(20).rho, ledger_of_nothing()));
    assert_eq!(ledger.give_back(round(1)), Err(LedgerError::NotReserved(round(1))));
}

fn ledger_of_nothing() -> Losses {
    Ledger::new(PrivacyTargets::default()).reserved()
}

#[test]
fn a_view_without_a_bound_breaks_every_promise_about_it() {
    let policy = policy("0", "40", "0.7", NoiseMode::InsecureCoordinatorNoiseOnly);
    let plan = NoisePlan::new(policy, 5, 5).unwrap();
    let cost = RoundCost::new(&plan, Sensitivity { participants_per_person: 1, teachers: 2 }, 1).unwrap();
    let refused = Ledger::new(promise("1000")).reserve(round(1), cost).unwrap_err();
    assert!(refused.to_string().contains("no bound at all"), "{refused}");
    assert!(Ledger::new(PrivacyTargets::default()).reserve(round(1), cost).is_ok(), "nothing was promised");
}

/// What may become of a round.
#[derive(Debug, Clone, Copy)]
enum End {
    Charged,
    Released(u32),
    Returned,
    Running,
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![
        Just(End::Charged),
        (1_u32..50).prop_map(End::Released),
        Just(End::Returned),
        Just(End::Running)
    ]
}

proptest! {
    #[test]
    fn the_order_of_rounds_never_matters_and_sums_are_exact(
        ends in proptest::collection::vec((1_u32..50, end()), 1..12),
        rotation in 0_usize..12,
    ) {
        let run = |order: &[(u8, (u32, End))]| {
            let mut ledger = Ledger::new(PrivacyTargets::default());
            for (number, (instances, _)) in order {
                ledger.reserve(round(*number), price(*instances)).unwrap();
            }
            for (number, (instances, end)) in order {
                match end {
                    End::Charged => ledger.charge(round(*number)).unwrap(),
                    End::Released(answered) => {
                        ledger.commit(round(*number), &price((*answered).min(*instances))).unwrap();
                    }
                    End::Returned => ledger.give_back(round(*number)).unwrap(),
                    End::Running => {}
                }
            }
            (*ledger.spent(), ledger.reserved())
        };
        let order: Vec<(u8, (u32, End))> = (1..).zip(ends.iter().copied()).collect();
        let mut rotated = order.clone();
        rotated.rotate_left(rotation % order.len());
        prop_assert_eq!(run(&order), run(&rotated));
        let labels = |(_, (instances, end)): &(u8, (u32, End))| match end {
            End::Charged => *instances,
            End::Released(answered) => (*answered).min(*instances),
            End::Returned | End::Running => 0,
        };
        let total: u32 = order.iter().map(labels).sum();
        let expected = if total == 0 { ledger_of_nothing() } else { price(total).rho };
        prop_assert_eq!(run(&order).0, expected);
    }
}
