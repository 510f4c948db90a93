//! The cache of artefacts below the home: keys, which stay, and a round's ballots, which go when it is answered.

use base::{
    Step,
    ids::{Digest, RoundId},
};
use fhe::{Layout, LayoutError, Squashed, SquashedRecord};
use protocol::{
    ballot::ballot_bytes,
    federation::KeyCertificate,
    transcript::{BlobError, Blobs, Replay, RoundRecord},
};

use crate::home::Home;
use client::{BlobPath, Client, TransferError};
use runtime::files::{FileError, remove_if_there};

/// Most bytes of the keyswitching and of the bootstrapping key: 66 kB and 30 MB.
const EVALUATION_KEY_LIMIT: u64 = 64 << 20;
/// Most bytes of the squashing key: 271 MB.
const SQUASHING_KEY_LIMIT: u64 = 512 << 20;
/// Bytes of a frame beside its words: magic, version, kind, digests and layout, with room to spare.
const FRAME_LIMIT: u64 = 1 << 10;
/// Bytes of one squashed digit in the record: digest and body.
const RECORD_ENTRY: u64 = 48;

/// Gives the artefacts that were downloaded before.
#[derive(Debug, Clone)]
pub struct Cached {
    home: Home,
}

impl Cached {
    /// Uses the cache of a home.
    pub fn of(home: &Home) -> Self {
        Self { home: home.clone() }
    }
}

impl Blobs for Cached {
    fn blob(&self, digest: Digest) -> Result<Vec<u8>, BlobError> {
        Ok(std::fs::read(self.home.blob(digest))?)
    }

    fn digest_of(&self, digest: Digest) -> Result<Digest, BlobError> {
        Ok(Digest::of_file(&self.home.blob(digest))?)
    }
}

/// Is one artefact to be downloaded: its digest, and the most bytes it can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Digest.
    pub digest: Digest,
    /// Most bytes.
    pub limit: u64,
}

/// Lists the keys with which a tally is recomputed.
pub fn keys_of(certificate: &KeyCertificate) -> Vec<Wanted> {
    let evaluation = [certificate.keyswitching_key, certificate.bootstrapping_key];
    let evaluation = evaluation.map(|digest| Wanted { digest, limit: EVALUATION_KEY_LIMIT });
    let squashing = certificate.sharing.as_ref();
    let squashing =
        squashing.map(|sharing| Wanted { digest: sharing.squashing_key, limit: SQUASHING_KEY_LIMIT });
    evaluation.into_iter().chain(squashing).collect()
}

/// Lists the counted ballots of a round and the coordinator's noise ballot.
pub fn ballots_of(record: &RoundRecord) -> Result<Vec<Wanted>, LayoutError> {
    let limit = ballot_bytes(&record.announcement)? as u64;
    let counted = record.ballots.iter().flatten().map(|ballot| ballot.digest);
    Ok(counted.chain(record.noise_ballot).map(|digest| Wanted { digest, limit }).collect())
}

/// Returns the record of the test's squashed digits, by which a label step is held to the openings of its test.
pub fn test_of(record: &RoundRecord) -> Option<Wanted> {
    let digest = record.test.as_ref().and_then(|_| record.tally(Step::Test)?.tally.squashed)?;
    Some(record_of(digest, record.outcomes(Step::Test)?))
}

/// Returns the ballot of the known answer.
pub fn known_answer_of(replay: &Replay) -> Option<Wanted> {
    let digest = replay.ceremony().known_answer()?;
    Some(Wanted { digest, limit: EVALUATION_KEY_LIMIT })
}

/// Returns the record of a round's squashed digits.
pub fn record_of(digest: Digest, layout: Layout) -> Wanted {
    let limit = SquashedRecord::expected(layout) as u64 * RECORD_ENTRY + FRAME_LIMIT;
    Wanted { digest, limit }
}

/// Downloads what is not in the cache yet, each with its digest, going on where an earlier download stopped.
pub async fn download(client: &Client, home: &Home, wanted: &[Wanted]) -> Result<(), TransferError> {
    for Wanted { digest, limit } in wanted {
        let came = |came, total| tracing::trace!(%digest, came, total, "fetching an artefact");
        client.get_blob(BlobPath::Blob(*digest), *digest, *limit, &home.blob(*digest), came).await?;
    }
    Ok(())
}

/// Downloads a round's squashed digits, said by the coordinator to have this digest; the reader checks each of them.
pub async fn download_digits(
    client: &Client,
    home: &Home,
    (round, step): (RoundId, Step),
    digest: Digest,
    layout: Layout,
) -> Result<(), TransferError> {
    let limit = SquashedRecord::expected(layout) as u64 * Squashed::BYTES as u64;
    client.get_blob(BlobPath::SquashedDigits(round, step), digest, limit, &home.blob(digest), |_, _| {}).await
}

/// Removes artefacts from the cache; the coordinator and the transcript's copies still have them.
pub fn forget(home: &Home, wanted: &[Wanted]) -> Result<(), FileError> {
    wanted.iter().try_for_each(|wanted| remove_if_there(&home.blob(wanted.digest)))
}

/// Removes the ballots of every round that has ended without an answer from here.
pub fn forget_ended(home: &Home, replay: &Replay) -> Result<(), FileError> {
    for record in replay.rounds().filter(|record| record.outcome.is_some()) {
        if let Ok(ballots) = ballots_of(record) {
            forget(home, &ballots)?;
        }
    }
    Ok(())
}
