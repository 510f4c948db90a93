//! A round takes the steps of its life in their order, and says what becomes of its cost.

use super::*;

fn voters(numbers: &[u32]) -> Vec<ParticipantId> {
    numbers.iter().filter_map(|n| ParticipantId::new(*n)).collect()
}

fn tallied() -> Tallied {
    Tallied {
        step: Step::Label,
        noise_ballot: Digest::of(b"noise"),
        record: Digest::of(b"labels"),
        attempt: None,
        event: Digest::of(b"event"),
        cpu_ms: 1,
        wall_ms: 1,
    }
}

#[test]
fn a_round_lives_and_names_who_was_counted() -> Result<(), InvalidTransition> {
    let voting = RoundState::Announced.open()?;
    let tallying = voting.close(voters(&[1, 3]), 2, Millis(5))?;
    let opening = tallying.with_noise(tallied().noise_ballot)?.tallied(tallied(), Millis(9))?;
    let released = opening.release(Millis(8), Corroboration::SoleTrustee)?;
    assert_eq!(released.counted(), voters(&[1, 3]));
    assert_eq!(
        released.fail(FailureReason::OpeningTimedOut, true),
        Err(InvalidTransition { from: "released", to: "failed" })
    );
    Ok(())
}

#[test]
fn below_the_quorum_nothing_is_tallied_and_nothing_charged() -> Result<(), InvalidTransition> {
    let failed = RoundState::Voting.close(voters(&[2]), 2, Millis(5))?;
    let reason = FailureReason::QuorumNotMet { ballots: 1, quorum: 2 };
    assert_eq!(failed, RoundState::Failed { reason, charged: false });
    Ok(())
}

#[test]
fn the_noise_ballot_is_fixed_once_and_before_the_tally() -> Result<(), InvalidTransition> {
    let tallying = RoundState::Voting.close(voters(&[1]), 1, Millis(5))?;
    assert!(tallying.clone().tallied(tallied(), Millis(9)).is_err(), "no noise ballot yet");
    let fixed = tallying.with_noise(Digest::of(b"noise"))?;
    assert!(fixed.clone().with_noise(Digest::of(b"another")).is_err(), "noise is never redrawn");
    let other = Tallied { noise_ballot: Digest::of(b"another"), ..tallied() };
    assert!(fixed.tallied(other, Millis(9)).is_err(), "a tally over another noise ballot");
    Ok(())
}

#[test]
fn a_test_comes_before_the_labels_and_ends_a_round_that_nothing_passed() -> Result<(), InvalidTransition> {
    let test = Tallied { step: Step::Test, ..tallied() };
    let tallying = RoundState::Voting.close(voters(&[1]), 1, Millis(5))?.with_noise(test.noise_ballot)?;
    let opening = tallying.tallied(test, Millis(9))?;
    assert!(opening.clone().release(Millis(8), Corroboration::SoleTrustee).is_err(), "bits are not labels");
    let nothing = opening.clone().tested(0, Corroboration::SoleTrustee)?;
    let released = nothing.release(Millis(8), Corroboration::SoleTrustee)?;
    assert_eq!((released.tally(Step::Test), released.tally(Step::Label)), (Some(&test), None));

    let tallying = opening.tested(2, Corroboration::SoleTrustee)?;
    assert!(tallying.clone().release(Millis(8), Corroboration::SoleTrustee).is_err(), "two labels are due");
    assert!(tallying.clone().tallied(test, Millis(9)).is_err(), "a test is tallied once");
    let opening = tallying.tallied(tallied(), Millis(12))?;
    assert!(opening.clone().tested(1, Corroboration::SoleTrustee).is_err(), "a test is opened once");
    let released = opening.release(Millis(11), Corroboration::SoleTrustee)?;
    assert_eq!(released.test().map(|tested| tested.passed), Some(2));
    assert_eq!((released.last_tally(), released.tally(Step::Test)), (Some(&tallied()), Some(&test)));
    Ok(())
}

#[test]
fn a_round_is_charged_from_the_moment_that_its_trustees_are_asked() -> Result<(), InvalidTransition> {
    let asked = |step| Summed { step, sum: Digest::of(b"sum"), event: Digest::of(b"asked"), at: Millis(6) };
    let noise = tallied().noise_ballot;
    let tallying = RoundState::Voting.close(voters(&[1]), 1, Millis(5))?;
    assert!(tallying.clone().summed(asked(Step::Label)).is_err(), "no noise ballot yet");
    let tallying = tallying.with_noise(noise)?;
    assert!(!tallying.is_begun());
    let begun = tallying.summed(asked(Step::Test))?;
    assert!(begun.clone().summed(asked(Step::Test)).is_err(), "asked once");
    assert!(
        begun.clone().tallied(tallied(), Millis(9)).is_err(),
        "the labels of a test that was not tallied"
    );
    assert_eq!(begun.clone().cancel(false)?, RoundState::Cancelled { charged: true });
    let test = Tallied { step: Step::Test, attempt: Some(3), ..tallied() };
    let labels = begun.tallied(test, Millis(9))?.tested(2, Corroboration::Agreed)?;
    assert!(labels.is_begun(), "between test and labels");
    let released = labels
        .summed(asked(Step::Label))?
        .tallied(Tallied { attempt: Some(0), ..tallied() }, Millis(9))?
        .release(Millis(10), Corroboration::Agreed)?;
    assert_eq!(released.last_tally().and_then(|tally| tally.attempt), Some(0));
    Ok(())
}

#[test]
fn states_round_trip_through_their_row() -> Result<(), serde_json::Error> {
    let test = Tallied { step: Step::Test, ..tallied() };
    let tested = Some(Tested { tallied: test, passed: 3, corroboration: Corroboration::Agreed });
    let (counted, closed_at, deadline) = (voters(&[1, 2]), Millis(5), Millis(7));
    let state = RoundState::Opening { counted, closed_at, tallied: tallied(), deadline, tested };
    assert_eq!(serde_json::from_str::<RoundState>(&serde_json::to_string(&state)?)?, state);
    Ok(())
}
