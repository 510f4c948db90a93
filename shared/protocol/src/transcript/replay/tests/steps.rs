//! Rounds of two steps: the test is opened before the labels, and decides what is labelled, opened and charged.

use super::*;

const TWO_STEPS: &str = "\n[threshold]\nvotes = 5\ntest = { sigma = 9, coordinator_sigma = 2 }\n";

/// Returns a two-step round of four instances whose test is tallied.
fn testing(trustees: (u8, u8)) -> (Chain, RoundId) {
    let (mut chain, round) = Chain::founded_with(trustees, TWO_STEPS).keyed().counted(1);
    let early = EventBody::Tallied(chain.tally(Some(round)));
    assert!(chain.breaks(Check::Tally, early).contains("before the test was opened"));
    chain.ask(round, Step::Test).unwrap();
    chain.push(EventBody::Tallied(chain.tally_of(Some(round), Step::Test))).unwrap();
    (chain, round)
}

fn tested(round: RoundId, passed: &[u32], corroboration: Corroboration) -> EventBody {
    EventBody::Tested { round, passed: passed.to_vec(), corroboration }
}

/// Returns a release of these labels at the price of so many labels beside the test.
fn release(chain: &Chain, round: RoundId, labels: &[u16], passed: u32) -> EventBody {
    let record = chain.replay.round(round).unwrap();
    let (founding, roster) = (chain.replay.founding(), &record.roster);
    let cost = record.announcement.cost_of_release(founding, roster, passed).unwrap();
    let cost = Digest::of(&serde_json::to_vec(&cost).unwrap());
    let corroboration = match chain.policy_count() {
        1 => Corroboration::SoleTrustee,
        _ => Corroboration::Agreed,
    };
    EventBody::Released { round, labels: labels.to_vec(), cost, corroboration }
}

/// The sole trustee opens this to the label step or the test.
fn answered(chain: &mut Chain, round: RoundId, step: Step, labels: &[u16]) {
    let opening = Opening { labels: labels.to_vec(), ..chain.opening_of(Some(round), step) };
    let signed = chain.signer(1).sign(&opening);
    chain.push(EventBody::Opened(signed)).unwrap();
}

#[test]
fn only_what_passes_is_labelled_and_charged() {
    let (mut chain, round) = testing((1, 0));
    answered(&mut chain, round, Step::Test, &[0, 1, 0, 1]);
    let lie = tested(round, &[1], Corroboration::SoleTrustee);
    assert!(chain.breaks(Check::Openings, lie).contains("other instances pass"));
    chain.push(tested(round, &[1, 3], Corroboration::SoleTrustee)).unwrap();
    chain.push(EventBody::Tallied(chain.tally(Some(round)))).unwrap();
    assert_eq!(chain.replay.question(Some(round), Step::Label).unwrap().instances, 2);
    answered(&mut chain, round, Step::Label, &[3, 1]);

    let reserved = chain.replay.ledger().committed().person.public.unwrap();
    let dearer = release(&chain, round, &[0, 3, 0, 1], 3);
    assert!(chain.breaks(Check::Ledger, dearer).contains("another cost"));
    let invented = release(&chain, round, &[2, 3, 0, 1], 2);
    assert!(chain.breaks(Check::Openings, invented).contains("did not pass the test"));
    let swapped = release(&chain, round, &[0, 1, 0, 3], 2);
    assert!(chain.breaks(Check::Openings, swapped).contains("other labels"));
    chain.push(release(&chain, round, &[0, 3, 0, 1], 2)).unwrap();
    let spent = chain.replay.ledger().committed().person.public.unwrap();
    assert!(spent < reserved, "two of four instances cost less than four");
}

#[test]
fn a_round_that_nothing_passes_is_released_at_the_price_of_its_test() {
    let (mut chain, round) = testing((1, 0));
    answered(&mut chain, round, Step::Test, &[0; 4]);
    chain.push(tested(round, &[], Corroboration::SoleTrustee)).unwrap();
    let none = EventBody::Tallied(chain.tally(Some(round)));
    assert!(chain.breaks(Check::Tally, none).contains("a step is tallied"));
    chain.push(release(&chain, round, &[0; 4], 0)).unwrap();
    let record = chain.replay.round(round).unwrap();
    assert!(matches!(&record.outcome, Some(Outcome::Released { .. })) && record.steps.len() == 1);
}

#[test]
fn the_test_needs_its_trustees_and_ends_once_with_instances_of_the_round() {
    let (mut chain, round) = Chain::founded_with((3, 1), TWO_STEPS).keyed().counted(1);
    let labels = EventBody::Summed { round, step: Step::Label, sum: digest("sum") };
    assert!(chain.breaks(Check::Tally, labels.clone()).contains("before the test was opened"));
    chain.ask(round, Step::Test).unwrap();
    let early = tested(round, &[0], Corroboration::Agreed);
    assert!(chain.breaks(Check::Openings, early).contains("before its trustees answered"));
    chain.push(EventBody::Tallied(chain.tally_of(Some(round), Step::Test))).unwrap();
    chain.breaks(Check::Openings, tested(round, &[0], Corroboration::SoleTrustee));
    for passed in [&[1, 0][..], &[2, 2], &[0, 4]] {
        let wrong = tested(round, passed, Corroboration::Agreed);
        assert!(chain.breaks(Check::Openings, wrong).contains("instances of the round"), "{passed:?}");
    }
    chain.push(tested(round, &[0, 2], Corroboration::Agreed)).unwrap();
    chain.breaks(Check::Openings, tested(round, &[0, 2], Corroboration::Agreed));
    chain.breaks(Check::Openings, release(&chain, round, &[0; 4], 2));
    chain.push(labels).unwrap();
    chain.push(EventBody::Tallied(chain.tally(Some(round)))).unwrap();
    chain.push(release(&chain, round, &[1, 0, 1, 0], 2)).unwrap();
}

#[test]
fn a_two_step_round_that_ends_after_its_test_was_opened_is_charged_in_full() {
    let (mut chain, round) = testing((1, 0));
    let reserved = *chain.replay.ledger().reserved().get(privacy::Unit::Person);
    answered(&mut chain, round, Step::Test, &[0, 1, 0, 1]);
    chain.push(tested(round, &[1, 3], Corroboration::SoleTrustee)).unwrap();
    chain.breaks(Check::Ledger, EventBody::Cancelled { round, charged: false });
    chain.push(EventBody::Cancelled { round, charged: true }).unwrap();
    assert_eq!(*chain.replay.ledger().spent().get(privacy::Unit::Person), reserved);
}

#[test]
fn a_plain_round_has_no_test() {
    let (chain, round) = Chain::founded((1, 0)).keyed().counted(1);
    let test = EventBody::Tallied(chain.tally_of(Some(round), Step::Test));
    assert!(chain.breaks(Check::Tally, test).contains("does not have"));
    let (mut chain, round) = Chain::founded((1, 0)).keyed().tallied(1);
    chain.open(Some(round)).unwrap();
    let what = chain.breaks(Check::Openings, tested(round, &[], Corroboration::SoleTrustee));
    assert!(what.contains("does not have"), "{what}");
}
