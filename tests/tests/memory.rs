//! What the coordinator never holds: neither the decryption key nor any plaintext ballot, in memory or on disk.
//!
//! The search is the same everywhere; the positive control finds with it, in the participants' memory, what it
//! must not find at the coordinator.

use base::ids::RoundId;
use protocol::wire::RoundView;
use tests::{
    Federation, Plan, data,
    federation::Candidate,
    memory::Search,
    oracle::{decrypt_ballot, stored_ballot, trustee_key},
    proxy::{Hold, Proxy},
};

/// Packed bits of the key that decrypts ballots and labels, in the vault's file after frame and parameter digest.
const LARGE_KEY: std::ops::Range<usize> = 44..300;
const KEY: &str = "the decryption key";

/// Enough instances that the tally can be caught while it runs.
const INSTANCES: usize = 400;

/// Looks for the key and for the plaintext of every ballot that a participant has stored.
fn search(federation: &Federation, view: &RoundView) -> anyhow::Result<Search> {
    let mut search = Search::default();
    let vault = std::fs::read(federation.members[0].home.trustee_key())?;
    search.key(KEY, &vault[LARGE_KEY]);
    let key = trustee_key(federation)?;
    for member in &federation.members {
        let counts = decrypt_ballot(&key, view, &stored_ballot(member, view.round)?)?;
        search.counts(&format!("the ballot of {}", member.name), &counts, view.announcement.scale);
    }
    Ok(search)
}

/// Halts the coordinator, searches its memory and its folder, and lets it go on.
fn coordinator_holds_nothing(federation: &Federation, search: &Search, when: &str) -> anyhow::Result<()> {
    let coordinator = federation.coordinator().ok_or_else(|| anyhow::anyhow!("no coordinator runs"))?;
    federation.processes().signal(coordinator, "STOP")?;
    let memory = search.process(coordinator.pid);
    let folder = search.folder(&federation.coordinator_home());
    federation.processes().signal(coordinator, "CONT")?;
    let (memory, folder) = (memory?, folder?);
    assert!(memory.bytes > 1 << 20 && folder.bytes > 1 << 20, "{when}: too little was searched");
    assert_eq!(memory.found, [], "in the coordinator's memory while {when}");
    assert_eq!(folder.found, [], "in the coordinator's folder while {when}");
    Ok(())
}

/// Says which needles the memory of a participant's agent holds.
fn held_by(federation: &Federation, search: &Search, index: usize) -> anyhow::Result<Vec<String>> {
    let found = search.process(federation.agent(index)?.pid)?.found;
    Ok(found.into_iter().map(|found| found.needle).collect())
}

#[test]
fn the_coordinator_never_holds_the_key_or_a_plaintext_ballot() -> anyhow::Result<()> {
    let mut federation = Federation::assemble(&Plan::toy()?)?;
    let proxy = Proxy::before(federation.address())?;
    federation.members[1].dial(&proxy.url())?;
    federation.start_agents()?;
    federation.wait_until_keyed()?;
    proxy.hold_ballots(Hold::Request);
    let classes = Plan::toy()?.classes();
    let round: RoundId = federation.announce(&Candidate::over(data::instances(classes, INSTANCES, 1)?))?;

    // Voting: two ballots are in, the third is on its way and stays there.
    proxy.wait_until_held()?;
    let two_cast = |view: &RoundView| {
        let cast = |voter: &&protocol::wire::Voter| voter.attendance == protocol::wire::Attendance::Cast;
        view.voters.iter().filter(cast).count() == 2
    };
    let view = federation.wait_for(round, "two ballots", two_cast)?;
    let search = search(&federation, &view)?;
    coordinator_holds_nothing(&federation, &search, "voting")?;

    // The control: what is not found at the coordinator is found where it belongs.
    let trustee = held_by(&federation, &search, 0)?;
    assert!(
        trustee.iter().any(|needle| needle.starts_with(KEY)),
        "the trustee's memory must show the key: {trustee:?}"
    );
    let waiting = held_by(&federation, &search, 1)?;
    let own = format!("the ballot of {}", federation.members[1].name);
    assert!(
        !waiting.is_empty() && waiting.iter().all(|needle| needle.starts_with(&own)),
        "a participant's memory shows its own ballot alone while that is on its way: {waiting:?}"
    );
    let receipted = held_by(&federation, &search, 2)?;
    assert_eq!(receipted, [] as [&str; 0], "and nothing once it is receipted");

    // Tallying and Opening; the trustee is halted, so that the round stays to be opened.
    federation.halt_agent(0)?;
    proxy.release();
    federation
        .wait_for(round, "a running tally", |view| view.progress.is_some_and(|progress| progress.done > 0))?;
    coordinator_holds_nothing(&federation, &search, "tallying")?;
    federation.wait_for_state(round, "opening")?;
    coordinator_holds_nothing(&federation, &search, "opening")?;
    federation.resume_agent(0)?;
    assert_eq!(federation.wait_for_labels(round)?.labels.len(), INSTANCES);
    federation.finish()
}
