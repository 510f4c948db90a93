//! The cache of artefacts below the home: keys, which stay, and a round's ballots, which go when its labels are out.

use std::collections::BTreeSet;

use base::{
    Step,
    ids::{Digest, RoundId},
};
use fhe::LayoutError;
use protocol::{
    ballot::ballot_bytes,
    federation::FederationKeys,
    transcript::{BlobError, Blobs, Replay, RoundRecord},
};
use tally::ceremony::SHARE_BYTES;

use crate::home::Home;
use client::{Client, TransferError};
use runtime::files::{FileError, remove_if_there};

/// Most bytes of a sole trustee's public key.
const PUBLIC_KEY_LIMIT: u64 = 1 << 20;

/// Source of the artefacts that were downloaded before.
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

/// An artefact to be downloaded: its digest, and the most bytes it can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Digest.
    pub digest: Digest,
    /// Most bytes.
    pub limit: u64,
}

/// Lists what the encryption key is made from: the sole trustee's public key, or all shares of that of several.
pub fn encryption_key_of(keys: &FederationKeys) -> Vec<Wanted> {
    match keys {
        FederationKeys::Sole(certificate) => {
            vec![Wanted { digest: certificate.public_key, limit: PUBLIC_KEY_LIMIT }]
        }
        FederationKeys::Shared(keys) => {
            let share = |digest: &Digest| Wanted { digest: *digest, limit: SHARE_BYTES as u64 };
            keys.certificate.shares().iter().map(share).collect()
        }
    }
}

/// Lists the counted ballots of a round and the coordinator's noise ballot.
pub fn ballots_of(record: &RoundRecord) -> Result<Vec<Wanted>, LayoutError> {
    let limit = ballot_bytes(&record.announcement)? as u64;
    let counted = record.ballots.iter().flatten().map(|ballot| ballot.digest);
    Ok(counted.chain(record.noise_ballot).map(|digest| Wanted { digest, limit }).collect())
}

/// Downloads what is not in the cache yet, each with its digest, going on where an earlier download stopped.
pub async fn download(client: &Client, home: &Home, wanted: &[Wanted]) -> Result<(), TransferError> {
    for Wanted { digest, limit } in wanted {
        let came = |came, total| tracing::trace!(%digest, came, total, "fetching an artefact");
        client.get_blob(*digest, *limit, &home.blob(*digest), came).await?;
    }
    Ok(())
}

/// Removes artefacts from the cache; the coordinator and the transcript's copies still have them.
pub fn forget(home: &Home, wanted: &[Wanted]) -> Result<(), FileError> {
    wanted.iter().try_for_each(|wanted| remove_if_there(&home.blob(wanted.digest)))
}

/// Removes, once, the ballots of every round that needs them no more: it has ended, or its last step is tallied.
pub fn forget_ended(
    home: &Home,
    replay: &Replay,
    forgotten: &mut BTreeSet<RoundId>,
) -> Result<(), FileError> {
    let is_over = |record: &&RoundRecord| record.outcome.is_some() || record.tally(Step::Label).is_some();
    for record in replay.rounds().filter(is_over) {
        let is_new = forgotten.insert(record.announcement.round);
        if let (true, Ok(ballots)) = (is_new, ballots_of(record)) {
            forget(home, &ballots)?;
        }
    }
    Ok(())
}
