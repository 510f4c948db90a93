//! Several trustees: they tally together, survive kills, wait for one another and say so, and all can be checked.

use base::{decimal::Decimal, ids::RoundId};
use privacy::NoiseMode;
use protocol::{
    round::{Corroboration, FailureReason, RoundState},
    transcript::{EventBody, TallyOutcome},
    wire::RoundView,
};
use tests::{
    Federation, Plan, data,
    federation::{Candidate, utf8},
    memory::Search,
    oracle::plain_votes,
    proxy::{Hold, Proxy},
    wait::PATIENCE,
};

const INSTANCES: usize = 12;

/// Checks of a transcript, all of which pass.
const CHECKS: usize = 10;

/// Trustees and how many of them may be corrupt.
type Form = (u8, u8);

fn plan((count, threshold): Form) -> anyhow::Result<Plan> {
    Ok(Plan::toy()?.with_trustees(count, threshold))
}

fn announce(federation: &Federation, seed: u64) -> anyhow::Result<RoundId> {
    federation.announce(&Candidate::over(data::instances(Plan::toy()?.classes(), INSTANCES, seed)?))
}

/// Returns a keyed federation in which the second trustee speaks through a proxy.
fn behind_a_proxy(plan: &Plan) -> anyhow::Result<(Federation, Proxy)> {
    let mut federation = Federation::assemble(plan)?;
    let proxy = Proxy::before(federation.address())?;
    federation.members[1].dial(&proxy.url())?;
    federation.start_agents()?;
    federation.wait_until_keyed()?;
    Ok((federation, proxy))
}

/// Returns whether the round waits for the second trustee and nobody else.
fn waits_for_the_second(view: &RoundView) -> bool {
    view.session.as_ref().is_some_and(|session| {
        matches!(session.waits_for.as_slice(), [only] if only.get() == 2)
            && session.words.ends_with("waiting for hospital-2")
    })
}

/// Returns the attempts that ended with labels.
fn attempts(federation: &Federation, round: RoundId) -> anyhow::Result<Vec<u32>> {
    let attempt = |body: &EventBody| match body {
        EventBody::Tallied(record) if record.round == Some(round) => match record.outcome {
            TallyOutcome::Session { attempt, .. } => Some(attempt),
            TallyOutcome::Ciphertexts(_) => None,
        },
        _ => None,
    };
    Ok(federation.transcript()?.iter().filter_map(|event| attempt(&event.body)).collect())
}

fn is_verified(federation: &Federation, name: &str) -> anyhow::Result<()> {
    let verified = federation.verify(&federation.export(name)?, &["--strict"])?;
    assert_eq!((verified.with("passed").len(), verified.code), (CHECKS, Some(0)), "{:#?}", verified.checks);
    Ok(())
}

#[test]
fn three_trustees_release_exactly_what_the_votes_say_and_anyone_can_check_it() -> anyhow::Result<()> {
    // Without noise every label follows from the teachers' votes alone.
    let mut plan = plan((3, 1))?;
    plan.config.noise.mode = NoiseMode::InsecureNoNoise;
    (plan.config.noise.sigma, plan.config.noise.coordinator_sigma) = (Decimal::ZERO, Decimal::ZERO);
    let federation = Federation::found(&plan)?;
    let round = announce(&federation, 1)?;
    let labels = federation.wait_for_labels(round)?;
    assert_eq!(labels.corroboration, Corroboration::Agreed);
    let votes = plain_votes(&federation, round)?;
    let lowest_of_the_best = |counts: &[i64]| {
        let most = counts.iter().max().copied().unwrap_or_default();
        counts.iter().position(|count| *count == most).map(|class| class as u16)
    };
    let expected: Vec<Option<u16>> = votes.chunks_exact(plan.classes()).map(lowest_of_the_best).collect();
    assert_eq!(labels.labels, expected);

    let export = federation.export("transcript")?;
    let verified = federation.verify(&export, &["--strict"])?;
    assert_eq!((verified.with("passed").len(), verified.code), (CHECKS, Some(0)), "{:#?}", verified.checks);
    let name = federation.view()?.hash.to_string();
    assert_eq!(federation.verify(&export, &["--federation", &name])?.code, Some(0));
    let other = ["verify", utf8(&export)?, "--federation", &"0".repeat(64)];
    let refused = federation.participant(&other, PATIENCE)?;
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains(&name), "it names the federation it found: {}", refused.stderr);
    federation.finish()
}

/// Kills a trustee and the coordinator while a session waits for that trustee, and starts both again.
fn survives_kills(form: Form) -> anyhow::Result<()> {
    let (mut federation, proxy) = behind_a_proxy(&plan(form)?)?;
    proxy.hold_messages(Hold::Request);
    let round = announce(&federation, 2)?;
    let view = federation.wait_for(round, "a session that waits for one", waits_for_the_second)?;
    assert!(matches!(view.state, RoundState::Tallying { summed: Some(_), .. }), "{:?}", view.state);
    federation.kill_agent(1);
    federation.restart_coordinator()?;
    let view = federation.wait_for(round, "the same session", waits_for_the_second)?;
    assert!(view.labelled.is_none(), "nothing was opened without it");
    // What was held is lost with the connection; the restarted trustee says the same again.
    proxy.cut();
    proxy.release();
    federation.start_agent(1)?;
    let labels = federation.wait_for_labels(round)?;
    assert_eq!((labels.labels.len(), labels.corroboration), (INSTANCES, Corroboration::Agreed));
    is_verified(&federation, "transcript")?;
    federation.finish()
}

#[test]
fn a_session_of_three_survives_kills() -> anyhow::Result<()> {
    survives_kills((3, 1))
}

#[test]
fn a_session_of_three_among_four_survives_kills() -> anyhow::Result<()> {
    survives_kills((4, 1))
}

#[test]
fn a_session_of_five_survives_kills() -> anyhow::Result<()> {
    survives_kills((5, 2))
}

#[test]
fn among_four_the_turn_goes_round_an_absent_trustee() -> anyhow::Result<()> {
    let (mut federation, proxy) = behind_a_proxy(&plan((4, 1))?.serving(&["--turn", "2s"]))?;
    proxy.hold_messages(Hold::Request);
    let round = announce(&federation, 3)?;
    federation.wait_for(round, "a session that waits for one", waits_for_the_second)?;
    federation.kill_agent(1);
    let labels = federation.wait_for_labels(round)?;
    assert_eq!((labels.labels.len(), labels.corroboration), (INSTANCES, Corroboration::Agreed));
    let attempts = attempts(&federation, round)?;
    assert!(matches!(*attempts, [attempt] if attempt > 0), "another group tallied: {attempts:?}");
    is_verified(&federation, "transcript")?;
    federation.finish()
}

#[test]
fn three_trustees_wait_for_an_absent_one_and_give_up_when_their_patience_ends() -> anyhow::Result<()> {
    let (mut federation, proxy) =
        behind_a_proxy(&plan((3, 1))?.serving(&["--turn", "2s", "--patience", "8s"]))?;
    proxy.hold_messages(Hold::Request);
    let round = announce(&federation, 4)?;
    federation.wait_for(round, "a session that waits for one", waits_for_the_second)?;
    federation.kill_agent(1);
    let view = federation.wait_for_state(round, "failed")?;
    let RoundState::Failed { reason: FailureReason::TallyTimedOut { waiting, named }, .. } = &view.state
    else {
        anyhow::bail!("{:?}", view.state)
    };
    assert_eq!((waiting.iter().map(|id| id.get()).collect(), named.len()), (vec![2], 0));
    let ledger = federation.ledger()?;
    assert!(ledger.spent.person.both.is_some_and(|spent| spent > 0.0), "a tally that began is charged");
    assert_eq!(attempts(&federation, round)?, [] as [u32; 0]);
    is_verified(&federation, "transcript")?;
    federation.finish()
}

/// Returns the roots that a trustee keeps: after each piece's number the 32 bytes from which it is drawn.
fn roots(federation: &Federation, index: usize) -> anyhow::Result<Vec<(u8, Vec<u8>)>> {
    let ceremonies = federation.members[index].home.ceremonies();
    let mut found = Vec::new();
    for ceremony in std::fs::read_dir(ceremonies)? {
        let kept = std::fs::read(ceremony?.path().join("roots.bin"))?;
        found.extend(kept.as_chunks::<33>().0.iter().map(|root| (root[0], root[1..].to_vec())));
    }
    Ok(found)
}

#[test]
fn no_trustee_and_not_the_coordinator_ever_holds_a_root_that_is_not_its_own() -> anyhow::Result<()> {
    let federation = Federation::found(&plan((3, 1))?)?;
    let round = announce(&federation, 5)?;
    federation.wait_for_labels(round)?;
    // The key is the sum of pieces, each drawn from a root; whoever lacks one root knows nothing of the key.
    let held: Vec<Vec<(u8, Vec<u8>)>> =
        (0..3).map(|index| roots(&federation, index)).collect::<Result<_, _>>()?;
    let mut all: Vec<(u8, Vec<u8>)> = held.concat();
    all.sort();
    all.dedup();
    assert_eq!(
        (all.len(), held.iter().map(Vec::len).collect()),
        (3, vec![2, 2, 2]),
        "pieces, and how many each holds"
    );
    let mut search = Search::default();
    for (piece, root) in &all {
        search.bytes(&format!("root {piece}"), root);
    }
    for (index, roots) in held.iter().enumerate() {
        let own: Vec<String> = roots.iter().map(|(piece, _)| format!("root {piece}")).collect();
        let mut kept = search.folder(federation.members[index].home.root())?.found;
        kept.sort_by(|one, other| one.needle.cmp(&other.needle));
        let kept: Vec<String> = kept.into_iter().map(|found| found.needle).collect();
        assert_eq!(kept, own, "the control: its own roots lie in its home, and no other");
        let memory = search.process(federation.agent(index)?.pid)?;
        assert!(memory.bytes > 1 << 20, "too little was searched");
        let alien = memory.found.iter().filter(|found| !own.contains(&found.needle));
        assert_eq!(alien.count(), 0, "in the memory of trustee {}: {:?}", index + 1, memory.found);
    }
    let coordinator = federation.coordinator().ok_or_else(|| anyhow::anyhow!("no coordinator runs"))?;
    assert_eq!(search.process(coordinator.pid)?.found, []);
    assert_eq!(search.folder(&federation.coordinator_home())?.found, []);
    federation.finish()
}
