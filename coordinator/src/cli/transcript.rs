//! `transcript export`: the events as one file and the artefacts beside it, from the data folder itself.

use std::path::{Path, PathBuf};

use base::{identity::Signed, ids::Digest};
use clap::Subcommand;
use protocol::transcript::{Access, Archive, EVENTS_FILE, Event, Replay};
use serde::Serialize;

use super::{Failure, output::Output};
use crate::storage::{Blobs, Storage};

#[derive(Debug, Subcommand)]
pub(super) enum TranscriptVerb {
    /// Writes the transcript to a folder: OUT/transcript.bin and OUT/blobs
    ///
    /// Anyone can check it with: participant verify OUT
    ///
    /// Example: coordinator transcript export --out transcript-2026-11 --with-ballots
    Export {
        /// Folder to write to; what is there already is kept if it is the same
        #[arg(long)]
        out: PathBuf,
        /// Adds the encrypted ballots, so that sums can be recomputed. Give such a copy only to people
        /// who do not cast ballots themselves: whoever has a ballot could cast a copy of it
        #[arg(long)]
        with_ballots: bool,
    },
}

/// What an export wrote.
#[derive(Debug, Serialize)]
struct Exported {
    folder: PathBuf,
    federation: Digest,
    events: u64,
    head: Digest,
    blobs: usize,
    bytes: u64,
    ballots_left_out: usize,
}

pub(super) async fn run(home: &Path, output: Output, verb: TranscriptVerb) -> Result<(), Failure> {
    let TranscriptVerb::Export { out, with_ballots } = verb;
    if !home.join("coordinator.sqlite").exists() {
        let message = format!("{} holds no coordinator: give its data folder with --home", home.display());
        return Err(Failure::Usage(message));
    }
    let failed = |e: &dyn std::fmt::Display| Failure::Job(e.to_string());
    let storage = Storage::open(home).await.map_err(|e| failed(&e))?;
    let events = all_events(&storage).await?;
    let replay = Replay::of(&events).map_err(|e| failed(&e))?;
    let blobs = storage.blobs().clone();
    let export = move || export(&replay, &events, &blobs, &out, with_ballots);
    let exported = tokio::task::spawn_blocking(export).await.map_err(|e| failed(&e))??;
    output.fact(&exported, || describe(&exported))
}

async fn all_events(storage: &Storage) -> Result<Vec<Signed<Event>>, Failure> {
    let mut events = Vec::new();
    loop {
        let page = storage.events(events.len() as u64, 1000).await;
        let (page, _) = page.map_err(|e| Failure::Job(e.to_string()))?;
        if page.is_empty() {
            return Ok(events);
        }
        events.extend(page);
    }
}

fn export(
    replay: &Replay,
    events: &[Signed<Event>],
    blobs: &Blobs,
    out: &Path,
    with_ballots: bool,
) -> Result<Exported, Failure> {
    let failed = |path: &Path, e: std::io::Error| Failure::Job(format!("{}: {e}", path.display()));
    let folder = out.join("blobs");
    std::fs::create_dir_all(&folder).map_err(|e| failed(&folder, e))?;
    let mut exported = Exported {
        folder: out.to_owned(),
        federation: replay.federation(),
        events: replay.head().length,
        head: replay.head().digest,
        blobs: 0,
        bytes: 0,
        ballots_left_out: 0,
    };
    for artefact in replay.artefacts() {
        match artefact.access {
            Access::Public => {}
            Access::Trustees if with_ballots => {}
            Access::Trustees => {
                exported.ballots_left_out += 1;
                continue;
            }
        }
        let (from, to) = (blobs.path(&artefact.digest), folder.join(artefact.digest.to_string()));
        exported.bytes += std::fs::copy(&from, &to).map_err(|e| failed(&from, e))?;
        exported.blobs += 1;
    }
    let path = out.join(EVENTS_FILE);
    std::fs::write(&path, Archive::to_bytes(events)).map_err(|e| failed(&path, e))?;
    Ok(exported)
}

fn describe(exported: &Exported) -> String {
    let Exported { folder, events, head, blobs, bytes, ballots_left_out, .. } = exported;
    let mut text = format!(
        "wrote {events} events (head {head}) and {blobs} blobs of {bytes} bytes to {}",
        folder.display()
    );
    if *ballots_left_out > 0 {
        text.push_str(&format!(
            "\n{ballots_left_out} ballots are left out, so sums cannot be recomputed from it: see --with-ballots"
        ));
    }
    text
}
