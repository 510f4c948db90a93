//! A backup taken in the middle of a round: restored elsewhere the round goes on; restored late, agents notice.

use base::ids::Digest;
use protocol::wire::{Attendance, RoundView};
use tests::{
    Federation, Plan, data,
    federation::{Candidate, utf8},
    oracle::stored_digest,
    wait::{PATIENCE, until},
};

fn cast(view: &RoundView) -> usize {
    view.voters.iter().filter(|voter| voter.attendance == Attendance::Cast).count()
}

/// Replaces the coordinator's data folder by what the archive holds; the old one stays beside it.
fn replace_home(federation: &mut Federation, archive: &std::path::Path, old: &str) -> anyhow::Result<()> {
    federation.kill_coordinator();
    let home = federation.coordinator_home();
    std::fs::rename(&home, federation.folder.join(old))?;
    let restored = federation.operate_as_is(&["restore", utf8(archive)?, "--home", utf8(&home)?])?;
    restored.success()?;
    federation.serve()
}

#[test]
fn a_round_goes_on_from_a_backup_and_a_rolled_back_coordinator_is_noticed() -> anyhow::Result<()> {
    let mut federation = Federation::found(&Plan::toy()?)?;
    federation.halt_agent(2)?;
    let instances = data::instances(Plan::toy()?.classes(), 30, 1)?;
    let round = federation.announce(&Candidate::over(instances))?;
    federation.wait_for(round, "two ballots", |view| cast(view) == 2)?;
    let before = federation.ledger()?;

    // While nothing can end, waiting takes too long: exit code 3 of both programs.
    let watched = federation.operate(&["round", "watch", &round.to_string(), "--timeout", "1s"], PATIENCE)?;
    assert_eq!(watched.code, Some(3), "{}", watched.stderr);
    let early = federation.member(&federation.members[0], &["receipt", "verify"])?;
    assert_eq!(early.code, Some(3), "{}", early.stderr);

    let archive = federation.folder.join("backup.tar");
    let written = federation.operate(&["backup", utf8(&archive)?], PATIENCE)?;
    assert!(String::from_utf8_lossy(&written.stdout).contains("SECRETS"), "it says what it holds");
    let twice = federation.operate(&["backup", utf8(&archive)?], PATIENCE)?;
    assert_eq!(twice.code, Some(1), "no backup is overwritten");

    replace_home(&mut federation, &archive, "coordinator-1")?;
    assert_eq!(cast(&federation.round(round)?), 2, "both ballots are there");
    assert_eq!(federation.ledger()?.committed, before.committed, "what was reserved is reserved");
    federation.resume_agent(2)?;
    assert_eq!(federation.wait_for_labels(round)?.labels.len(), 30);
    let stored: Vec<(u32, Digest)> = federation
        .members
        .iter()
        .map(|member| Ok((member.id()?.get(), stored_digest(member, round)?)))
        .collect::<anyhow::Result<_>>()?;
    assert_eq!(federation.counted(round)?, stored, "every ballot once");
    let ledger = federation.ledger()?;
    assert_eq!(ledger.entries.len(), 1);
    assert_eq!(ledger.spent, before.committed, "the round costs what it was announced to cost, once");

    // The same backup again, now that the agents have seen more than it holds.
    replace_home(&mut federation, &archive, "coordinator-2")?;
    until("an agent that notices", PATIENCE, || {
        let logs = federation.logs()?;
        Ok(logs.iter().any(|(_, text)| text.contains("was rolled back")).then_some(()))
    })?;
    federation.finish()
}
