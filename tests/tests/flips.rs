//! One bit changed anywhere in a transcript: the verifier fails, at a check that names the place.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use base::ids::Digest;
use protocol::transcript::{EVENTS_FILE, Folder, Line, Replay, Verdict, verify};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;
use tests::{Federation, Plan, data, federation::Candidate};

/// Random flips, besides one in every artefact.
const FLIPS: usize = 40;

/// Returns the lines that failed; a file that cannot even be read fails with its own words.
fn failures(export: &Path) -> Vec<String> {
    let folder = match Folder::open(export) {
        Ok(folder) => folder,
        Err(error) => return vec![error.to_string()],
    };
    let report = verify(&folder.events, &folder, &mut |_, _, _| {});
    let failed = |line: &&Line| line.verdict == Verdict::Failed;
    report.lines.iter().filter(failed).map(|line| format!("{}: {}", line.check.name(), line.detail)).collect()
}

/// Flips one bit of a file, looks at what the verifier says, and flips it back.
fn flipped(export: &Path, file: &Path, rng: &mut ChaCha20Rng) -> anyhow::Result<(usize, Vec<String>)> {
    let original = fs::read(file)?;
    let (place, bit) = (rng.random_range(0..original.len()), rng.random_range(0..8));
    let mut changed = original.clone();
    *changed.get_mut(place).context("the place is within the file")? ^= 1 << bit;
    fs::write(file, changed)?;
    let found = failures(export);
    fs::write(file, original)?;
    Ok((place, found))
}

/// Returns the height of the event that lies at a byte of the file; `None` within the file's own header.
fn event_at(export: &Path, place: usize) -> anyhow::Result<Option<usize>> {
    let folder = Folder::open(export)?;
    let mut end = protocol::transcript::archive_header().len();
    if place < end {
        return Ok(None);
    }
    for (height, event) in folder.events.iter().enumerate() {
        end += protocol::transcript::archive_entry(event).len();
        if place < end {
            return Ok(Some(height));
        }
    }
    Ok(None)
}

#[test]
fn one_flipped_bit_anywhere_fails_a_check_that_names_it() -> anyhow::Result<()> {
    let plan = Plan::toy()?.with_trustees(3, 1);
    let federation = Federation::found(&plan)?;
    let round = federation.announce(&Candidate::over(data::instances(plan.classes(), 6, 5)?))?;
    federation.wait_for_labels(round)?;
    let export = federation.export("transcript")?;
    assert_eq!(failures(&export), [] as [&str; 0], "nothing is flipped yet");

    let replay = Replay::of(&Folder::open(&export)?.events)?;
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let blobs: Vec<PathBuf> =
        fs::read_dir(export.join("blobs"))?.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<_>>()?;
    assert!(blobs.len() >= 10, "shares of the key, ballots and records of sessions: {blobs:?}");
    for blob in &blobs {
        let name =
            blob.file_name().and_then(|name| name.to_str()).context("a blob is named by its digest")?;
        let (place, found) = flipped(&export, blob, &mut rng)?;
        assert!(found.iter().any(|line| line.contains(name)), "byte {place} of {name}: {found:?}");
        let digest: Digest = name.parse()?;
        assert!(
            replay.artefacts().iter().any(|artefact| artefact.digest == digest),
            "{name} is exported for nothing"
        );
    }
    let events = export.join(EVENTS_FILE);
    for _ in 0..FLIPS {
        let (place, found) = flipped(&export, &events, &mut rng)?;
        let height = event_at(&export, place)?;
        // A changed length shifts what follows: the next event may be the first that cannot be read.
        let names = height.map_or(vec!["PSETR1".to_owned()], |height| {
            vec![format!("event {height}:"), format!("event {height} "), format!("after {height} events")]
        });
        let is_named = |line: &String| names.iter().any(|name| line.contains(name));
        assert!(found.iter().any(is_named), "byte {place}, event {height:?}: {found:?}");
    }
    federation.finish()
}
