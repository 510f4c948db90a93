//! The running sum: whenever ballots arrive, and whatever a restart forgot, the tally begins with the ballots on record.

use anyhow::{Context as _, Result};
use base::{
    Step,
    ids::{Digest, RoundId},
};
use coordinator::storage::Blobs;
use protocol::{
    transcript::{Replay, sum_of_round},
    wire::{RoundView, TranscriptPage},
};

use crate::service::{Keyed, granted, round_id};

/// Fails unless the sum on record is that of the stored ballots, added up once more; returns how many were counted.
async fn assert_sum(keyed: &Keyed, id: RoundId) -> Result<u32> {
    let page: TranscriptPage = granted(keyed.service.get("/transcript", &keyed.service.operator).await?)?;
    let replay = Replay::of(&page.events)?;
    let round = replay.round(id).context("the round is on record")?;
    let blobs = Blobs::new(keyed.service.folder().join("blobs"));
    Ok(sum_of_round(round, Step::Label, &blobs)?.ballots() - 1)
}

/// Casts a ballot and returns its digest.
async fn cast(keyed: &Keyed, member: usize, view: &RoundView) -> Result<Digest> {
    let ballot = keyed.ballot(member, view, member).await?;
    // A retry, as after a lost answer, must not be added twice.
    for _ in 0..2 {
        granted(keyed.cast(member, view.round, ballot.clone()).await?)?;
    }
    Ok(Digest::of(&ballot))
}

#[tokio::test]
async fn ballots_before_and_after_a_restart_are_in_the_sum_once() -> Result<()> {
    let keyed = Keyed::new().await?;
    let view = keyed.vote_on(round_id(1), 600).await?;
    cast(&keyed, 0, &view).await?;
    let keyed = keyed.restart().await?;
    for member in [2, 1] {
        cast(&keyed, member, &view).await?;
    }
    keyed.service.wait_for(view.round, "opening").await?;
    assert_eq!(assert_sum(&keyed, view.round).await?, 3);

    // and where all of them came to one process
    let view = keyed.vote_all(&keyed.vote_on(round_id(2), 600).await?, 1).await?;
    assert_eq!(assert_sum(&keyed, view.round).await?, 3);
    Ok(())
}

#[tokio::test]
async fn closing_reads_no_ballot_again_unless_a_restart_forgot_the_sum() -> Result<()> {
    let mut keyed = Keyed::new().await?;
    for (number, forgets, state) in [(1, false, "opening"), (2, true, "failed")] {
        let view = keyed.vote_on(round_id(number), 600).await?;
        let first = cast(&keyed, 0, &view).await?;
        std::fs::remove_file(Blobs::new(keyed.service.folder().join("blobs")).path(&first))?;
        if forgets {
            keyed = keyed.restart().await?;
        }
        for member in [1, 2] {
            cast(&keyed, member, &view).await?;
        }
        keyed.service.wait_for(view.round, state).await?;
    }
    Ok(())
}
