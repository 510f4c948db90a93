//! Dealing: the dealer makes the keys, splits the decryption key, and publishes all but the secret.
//!
//! The secret lives in memory alone, until it is split and sealed. The certificate is written last: with it, the same
//! bytes are published after any crash; without it, nothing was ever sent, and everything is made anew.

use std::{path::PathBuf, sync::Arc};

use base::{
    identity::{Identity, IdentityError, Signed},
    ids::{Digest, ParticipantId},
};
use fhe::{DealerKeys, KeyError, Scheme, pin_fft_plan};
use protocol::{
    federation::{KeyCertificate, KeySharing},
    transcript::Replay,
    wire::PublishKeys,
};
use threshold::{DealError, Package, PackageError, Piece, deal};

use super::super::{
    agreement::{AgreementError, Seat},
    keys::{StoredCertificate, is_destroyed, own_certificate},
};
use crate::{agent::Agent, home::Home};
use client::{ClientError, TransferError};
use runtime::{
    PoolError,
    files::{Access, FileError, digest_of, make_folder, read_json, write_atomic, write_json},
};

/// Says why nothing was dealt.
#[derive(Debug, thiserror::Error)]
pub enum DealingError {
    /// The coordinator gave no answer or refused.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A key cannot be sent.
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// This institution takes no part.
    #[error(transparent)]
    Agreement(#[from] AgreementError),
    /// Somebody else deals.
    #[error("participant {0} is the dealer, not this institution: it makes no keys")]
    NotDealer(ParticipantId),
    /// Not every trustee agreed.
    #[error("{agreed} of {all} trustees have approved: the key is dealt when all of them have")]
    NotAllAgreed {
        /// Trustees that approved.
        agreed: usize,
        /// All trustees.
        all: usize,
    },
    /// Other keys are on the transcript.
    #[error("the transcript already holds keys that were not made here: nothing is dealt")]
    OtherKeys,
    /// The key was destroyed when the federation was closed.
    #[error("the federation was closed and its key destroyed: no new one is made for it")]
    Destroyed,
    /// The stored public material is not the certified one.
    #[error("state/trustee/publication/{0} is missing or damaged: restore it from a backup")]
    Publication(String),
    /// The stored certificate is not this institution's.
    #[error("state/trustee/publication/certificate.json: {0}")]
    Certificate(IdentityError),
    /// Keys cannot be made.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The key cannot be split.
    #[error(transparent)]
    Deal(#[from] DealError),
    /// The pieces cannot be packed.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// A package cannot be sealed to its trustee.
    #[error("the package of participant {trustee} cannot be sealed: {source}")]
    Seal {
        /// The trustee.
        trustee: ParticipantId,
        /// Why.
        source: IdentityError,
    },
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The computation failed by a bug.
    #[error(transparent)]
    Pool(#[from] PoolError),
}

/// Is everything that the dealer publishes, in files, with its certificate.
pub(crate) struct Dealt {
    pub(crate) certificate: Signed<KeyCertificate>,
    pub(crate) blobs: Vec<(Digest, PathBuf)>,
}

/// Deals once and publishes; after a crash publishes the same again.
pub async fn deal_keys(agent: &Agent, replay: &Replay) -> Result<(), DealingError> {
    let keys = (agent.identity.public(), agent.identity.sealing_key());
    let seat = Seat::find(replay, agent.membership.participant, keys)?;
    let dealer = Dealer {
        home: agent.home.clone(),
        scheme: agent.membership.founding.config.scheme(),
        identity: Arc::clone(&agent.identity),
        seat,
    };
    dealer.check_may_deal(replay)?;
    let home = agent.home.clone();
    let Dealt { certificate, blobs } = agent.pool.run(move || dealer.prepare()).await??;
    for (digest, path) in &blobs {
        let sent = |sent, total| tracing::debug!(%digest, sent, total, "sending what was dealt");
        agent.client().put_blob(*digest, path, sent).await?;
    }
    agent.client().put_keys(&PublishKeys { certificate }).await?;
    tracing::info!("dealt: published the keys, the commitments and every trustee's sealed package");
    share_with_cache(&home, &blobs)?;
    Ok(())
}

/// Lets the cache of artefacts have the keys too, so that the dealer does not download what it made.
fn share_with_cache(home: &Home, blobs: &[(Digest, PathBuf)]) -> Result<(), FileError> {
    make_folder(&home.blobs(), Access::Public)?;
    for (digest, path) in blobs {
        // Where the file system has no links, they are downloaded.
        if let Err(error) = std::fs::hard_link(path, home.blob(*digest)) {
            tracing::debug!(%digest, %error, "not linked into the cache");
        }
    }
    Ok(())
}

/// Holds what dealing needs; runs on the compute pool.
pub(crate) struct Dealer {
    pub(crate) home: Home,
    pub(crate) scheme: Scheme,
    pub(crate) identity: Arc<Identity>,
    pub(crate) seat: Seat,
}

const PUBLIC_KEYS: [&str; 4] =
    ["public_key.bin", "keyswitching_key.bin", "bootstrapping_key.bin", "squashing_key.bin"];

impl Dealer {
    /// Checks that this institution is the dealer that every trustee, itself included, approved.
    pub(crate) fn check_may_deal(&self, replay: &Replay) -> Result<(), DealingError> {
        if self.seat.dealer != self.seat.participant {
            return Err(DealingError::NotDealer(self.seat.dealer));
        }
        self.seat.check_approved(&self.home)?;
        let (agreed, all) = (replay.ceremony().approved().len(), self.seat.sharing.count());
        if agreed != all {
            return Err(DealingError::NotAllAgreed { agreed, all });
        }
        let own = own_certificate(&self.home, &self.identity.public(), self.seat.trustees.federation)?;
        match replay.ceremony().certificate() {
            Some(published) if own.as_ref() != Some(published) => Err(DealingError::OtherKeys),
            _ => Ok(()),
        }
    }

    /// Deals, or finds what was dealt before; refuses once the federation was closed.
    pub(crate) fn prepare(&self) -> Result<Dealt, DealingError> {
        if is_destroyed(&self.home, self.seat.trustees.federation)? {
            return Err(DealingError::Destroyed);
        }
        match read_json(&self.home.publication().join("certificate.json"))? {
            Some(stored) => self.resume(stored),
            None => self.generate(),
        }
    }

    fn generate(&self) -> Result<Dealt, DealingError> {
        tracing::info!(parameters = ?self.scheme.parameters, sharing = %self.seat.sharing, "dealing the federation's keys");
        pin_fft_plan();
        make_folder(&self.home.publication(), Access::Public)?;
        let keys = DealerKeys::generate(self.scheme.parameters)?;
        let [public_key, keyswitching_key, bootstrapping_key, squashing_key] = self.write_keys(&keys)?;
        let pieces = deal(keys.squashed_bits(), self.seat.sharing)?;
        // From here on the key is in the pieces alone.
        drop(keys);
        let packages = self.write_packages(&pieces)?;
        let commitments = pieces.iter().enumerate().map(|(set, piece)| piece.commitment(set)).collect();
        drop(pieces);
        let sharing = KeySharing { squashing_key, commitments, packages };
        let certificate = KeyCertificate {
            federation: self.seat.trustees.federation,
            parameters: self.scheme.parameters,
            public_key,
            keyswitching_key,
            bootstrapping_key,
            trustee: self.seat.participant,
            sharing: Some(sharing),
        };
        let blobs = self.files(&certificate);
        let certificate = self.identity.sign(&certificate);
        let stored = StoredCertificate { certificate: certificate.clone() };
        write_json(&self.home.publication().join("certificate.json"), &stored)?;
        Ok(Dealt { certificate, blobs })
    }

    /// Makes and writes the public keys, the largest one last and alone in memory; returns their digests.
    fn write_keys(&self, keys: &DealerKeys) -> Result<[Digest; 4], DealingError> {
        let [first, second, third, fourth] = PUBLIC_KEYS;
        let material = keys.secret().public_material(self.scheme.unrolling)?;
        let public_key = self.write(first, &material.public_key)?;
        let keyswitching_key = self.write(second, &material.keyswitching_key)?;
        let bootstrapping_key = self.write(third, &material.bootstrapping_key)?;
        drop(material);
        let squashing_key = self.write(fourth, &keys.squashing_key()?)?;
        Ok([public_key, keyswitching_key, bootstrapping_key, squashing_key])
    }

    /// Seals each trustee's pieces to its key, this institution's own too; returns the packages' digests.
    fn write_packages(&self, pieces: &[Piece]) -> Result<Vec<Digest>, DealingError> {
        let Seat { trustees, sharing, .. } = &self.seat;
        let sealed = trustees.members.iter().zip(sharing.trustees()).map(|((trustee, _, key), index)| {
            let package = Package::select(*sharing, index, pieces)?;
            let sealed = key.seal(&package.to_bytes());
            let sealed = sealed.map_err(|source| DealingError::Seal { trustee: *trustee, source })?;
            self.write(&package_name(index.get()), &sealed)
        });
        sealed.collect()
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<Digest, DealingError> {
        write_atomic(&self.home.publication().join(name), bytes, Access::Public)?;
        Ok(Digest::of(bytes))
    }

    /// Names the file of everything that a certificate refers to.
    fn files(&self, certificate: &KeyCertificate) -> Vec<(Digest, PathBuf)> {
        let sharing = certificate.sharing.as_ref();
        let keys = [certificate.public_key, certificate.keyswitching_key, certificate.bootstrapping_key];
        let keys = keys.into_iter().chain(sharing.map(|sharing| sharing.squashing_key));
        let packages = sharing.map(|sharing| sharing.packages.as_slice()).unwrap_or_default();
        let named_keys = keys.zip(PUBLIC_KEYS.map(str::to_owned));
        let named_packages = packages.iter().copied().zip((1..).map(package_name));
        let named = named_keys.chain(named_packages);
        named.map(|(digest, name)| (digest, self.home.publication().join(name))).collect()
    }

    /// Finds what was dealt before, checked to the byte.
    fn resume(&self, stored: StoredCertificate) -> Result<Dealt, DealingError> {
        let certificate =
            stored.certificate.verify(&self.identity.public()).map_err(DealingError::Certificate)?;
        let same = certificate.federation == self.seat.trustees.federation
            && certificate.parameters == self.scheme.parameters
            && certificate.sharing.is_some();
        if !same {
            return Err(DealingError::Publication("certificate.json".to_owned()));
        }
        let blobs = self.files(&certificate);
        for (digest, path) in &blobs {
            if digest_of(path)? != Some(*digest) {
                let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
                return Err(DealingError::Publication(name.unwrap_or_default()));
            }
        }
        Ok(Dealt { certificate: stored.certificate, blobs })
    }
}

fn package_name(index: u8) -> String {
    format!("package-{index}.bin")
}
