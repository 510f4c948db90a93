//! A threshold: where too few teachers agree there is no label, and nothing else changes.

use base::decimal::Decimal;
use fhe::ArgmaxKind;
use privacy::NoiseMode;
use protocol::federation::ThresholdPolicy;
use tests::{Federation, Plan, data, federation::Candidate, oracle::plain_votes};

/// All nine votes: without them an instance gets no label.
const THRESHOLD: u32 = 9;

#[test]
fn instances_without_consensus_are_abstentions_and_the_others_keep_their_labels() -> anyhow::Result<()> {
    // Without noise and with the exact argmax the outcome follows from the teachers' votes alone.
    let mut plan = Plan::toy()?;
    plan.config.argmax = Some(ArgmaxKind::Exact);
    plan.config.threshold = Some(ThresholdPolicy { votes: THRESHOLD, test: None });
    plan.config.noise.mode = NoiseMode::InsecureNoNoise;
    (plan.config.noise.sigma, plan.config.noise.coordinator_sigma) = (Decimal::ZERO, Decimal::ZERO);
    // Few persons make teachers that often disagree; a shard of none, which cannot be trained, has a chance of 5e-4.
    plan.persons = 24;
    let federation = Federation::found(&plan)?;
    let round = federation.announce(&Candidate::over(data::instances(plan.classes(), 120, 4)?))?;
    let labels = federation.wait_for_labels(round)?.labels;
    let votes = plain_votes(&federation, round)?;
    let expected = votes.chunks_exact(plan.classes()).map(|counts| {
        let most = counts.iter().max().copied().unwrap_or_default();
        let winner = counts.iter().position(|count| *count == most).map(|class| class as u16);
        winner.filter(|_| most >= i64::from(THRESHOLD))
    });
    let expected: Vec<Option<u16>> = expected.collect();
    assert_eq!(labels, expected);
    let abstained = labels.iter().filter(|label| label.is_none()).count();
    assert!(
        (5..=115).contains(&abstained),
        "both kinds must occur for this to show anything: {abstained} of 120"
    );
    let view = federation.round(round)?;
    assert_eq!(view.abstained, Some(abstained as u32));
    federation.finish()
}
