//! Key generation by the sole trustee: the vault first, then the public material, then its certificate, then the
//! coordinator. After any crash the same material is published, or nothing of it ever was.

use std::{path::PathBuf, sync::Arc};

use base::{
    identity::{Identity, IdentityError, PublicIdentity, Signed},
    ids::{Digest, ParticipantId},
};
use fhe::{KeyError, Scheme, SecretKeys, pin_fft_plan};
use protocol::{federation::KeyCertificate, wire::PublishKeys};
use serde::{Deserialize, Serialize};

use super::{
    Trustee,
    vault::{Vault, VaultError},
};
use crate::{
    agent::Agent,
    approval::{Pin, approved_roster, sole_trustee},
    home::Home,
};
use client::{ClientError, TransferError};
use runtime::{
    PoolError,
    files::{Access, FileError, digest_of, make_folder, read_json, write_atomic, write_json},
};

/// Why no keys were published.
#[derive(Debug, thiserror::Error)]
pub enum CeremonyError {
    /// The coordinator gave no answer or refused.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A key cannot be sent.
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// Event 0 and roster were not approved, or name another trustee.
    #[error(
        "this institution has not approved a roster that names it as the trustee: run `participant approve`"
    )]
    NotApproved,
    /// The certificate is there, the key is not.
    #[error(
        "secret/trustee/key.bin is missing, but keys were already prepared or published from it: restore it from its backup"
    )]
    KeyLost,
    /// The key was destroyed when the federation was closed.
    #[error("the key was destroyed when the federation was closed: no new one is made for it")]
    Destroyed,
    /// The stored public material is not the certified one.
    #[error("state/trustee/publication/{0} is missing or damaged: restore it from a backup")]
    Publication(&'static str),
    /// The stored certificate is not this institution's.
    #[error("state/trustee/publication/certificate.json: {0}")]
    Certificate(#[from] IdentityError),
    /// The vault cannot be used.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// Keys cannot be made.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The computation failed by a bug.
    #[error(transparent)]
    Pool(#[from] PoolError),
}

/// Certificate as it is kept; it is written last, so it proves that all else is there.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct StoredCertificate {
    pub(super) certificate: Signed<KeyCertificate>,
}

/// Public material with its certificate, ready to be uploaded from its files.
pub(super) struct Publication {
    pub(super) certificate: Signed<KeyCertificate>,
    pub(super) blobs: [(Digest, PathBuf); 3],
    pub(super) vault: Vault,
}

const BLOBS: [&str; 3] = ["public_key.bin", "keyswitching_key.bin", "bootstrapping_key.bin"];

/// Makes the keys once and publishes them; after a crash publishes the same ones again.
pub async fn make_keys(agent: &Agent, trustee: &mut Trustee) -> Result<(), CeremonyError> {
    check_approved(agent)?;
    let ceremony = Ceremony {
        home: agent.home.clone(),
        federation: agent.membership.federation(),
        scheme: agent.membership.founding.config.scheme(),
        trustee: agent.membership.participant,
        identity: Arc::clone(&agent.identity),
    };
    let publication = agent.pool.run(move || ceremony.prepare()).await??;
    trustee.vault = Some(Arc::new(publication.vault));
    let client = agent.client();
    for (digest, path) in publication.blobs {
        let sent = |sent, total| tracing::debug!(%digest, sent, total, "sending a key");
        client.put_blob(digest, &path, sent).await?;
    }
    client.put_keys(&PublishKeys { certificate: publication.certificate }).await?;
    tracing::info!("published the federation's keys");
    Ok(())
}

fn check_approved(agent: &Agent) -> Result<(), CeremonyError> {
    let federation = agent.membership.federation();
    let pin = Pin::load(&agent.home, federation)?.ok_or(CeremonyError::NotApproved)?;
    let roster = approved_roster(&agent.home, federation, pin.roster)?.ok_or(CeremonyError::NotApproved)?;
    match sole_trustee(&roster) {
        Some(member) if member.id == agent.membership.participant => Ok(()),
        _ => Err(CeremonyError::NotApproved),
    }
}

/// Returns the certificate that this trustee signed in this federation, if it did.
pub fn own_certificate(
    home: &Home,
    identity: &PublicIdentity,
    federation: Digest,
) -> Result<Option<KeyCertificate>, FileError> {
    let path = home.publication().join("certificate.json");
    let Some(stored) = read_json::<StoredCertificate>(&path)? else { return Ok(None) };
    let certificate = stored.certificate.verify(identity).map_err(|e| FileError::damaged(&path, &e))?;
    Ok(Some(certificate).filter(|certificate| certificate.federation == federation))
}

/// Remembers that the key was destroyed, so that no other is made in its place.
pub fn mark_destroyed(home: &Home, federation: Digest) -> Result<(), FileError> {
    make_folder(&home.trustee(), Access::Public)?;
    write_json(&home.trustee().join("destroyed.json"), &federation)
}

/// Returns whether the key of this federation was destroyed here.
pub(in crate::trustee) fn is_destroyed(home: &Home, federation: Digest) -> Result<bool, FileError> {
    let destroyed: Option<Digest> = read_json(&home.trustee().join("destroyed.json"))?;
    Ok(destroyed == Some(federation))
}

/// What key generation needs; runs on the compute pool.
pub(super) struct Ceremony {
    pub(super) home: Home,
    pub(super) federation: Digest,
    pub(super) scheme: Scheme,
    pub(super) trustee: ParticipantId,
    pub(super) identity: Arc<Identity>,
}

impl Ceremony {
    /// Makes the keys, or reads back what was made before; refuses once they were destroyed.
    pub(super) fn prepare(&self) -> Result<Publication, CeremonyError> {
        if is_destroyed(&self.home, self.federation)? {
            return Err(CeremonyError::Destroyed);
        }
        match read_json(&self.home.publication().join("certificate.json"))? {
            Some(stored) => self.resume(stored),
            None => self.generate(),
        }
    }

    /// Makes everything anew: without a stored certificate nothing was ever sent.
    fn generate(&self) -> Result<Publication, CeremonyError> {
        tracing::info!(parameters = ?self.scheme.parameters, "making the federation's keys");
        pin_fft_plan();
        let keys = SecretKeys::generate(self.scheme.parameters)?;
        let material = keys.public_material(self.scheme.unrolling)?;
        let vault = Vault::store(&self.home, &keys)?;
        let folder = self.home.publication();
        make_folder(&folder, Access::Public)?;
        let bytes = [material.public_key, material.keyswitching_key, material.bootstrapping_key];
        for (bytes, name) in bytes.iter().zip(BLOBS) {
            write_atomic(&folder.join(name), bytes, Access::Public)?;
        }
        let [public_key, keyswitching_key, bootstrapping_key] = bytes.map(|bytes| Digest::of(&bytes));
        let certificate = self.identity.sign(&KeyCertificate {
            federation: self.federation,
            parameters: self.scheme.parameters,
            public_key,
            keyswitching_key,
            bootstrapping_key,
            trustee: self.trustee,
        });
        let stored = StoredCertificate { certificate: certificate.clone() };
        write_json(&folder.join("certificate.json"), &stored)?;
        let blobs = self.files([public_key, keyswitching_key, bootstrapping_key]);
        Ok(Publication { certificate, blobs, vault })
    }

    /// Names the files of the public material, in the order of [`BLOBS`].
    fn files(&self, digests: [Digest; 3]) -> [(Digest, PathBuf); 3] {
        let [public_key, keyswitching_key, bootstrapping_key] = digests;
        let [first, second, third] = BLOBS.map(|name| self.home.publication().join(name));
        [(public_key, first), (keyswitching_key, second), (bootstrapping_key, third)]
    }

    /// Finds what was prepared before, checked to the byte.
    fn resume(&self, stored: StoredCertificate) -> Result<Publication, CeremonyError> {
        let certificate = stored.certificate.verify(&self.identity.public())?;
        let same =
            certificate.federation == self.federation && certificate.parameters == self.scheme.parameters;
        if !same {
            return Err(CeremonyError::Publication("certificate.json"));
        }
        let vault = Vault::load(&self.home)?.ok_or(CeremonyError::KeyLost)?;
        let blobs =
            self.files([certificate.public_key, certificate.keyswitching_key, certificate.bootstrapping_key]);
        for ((digest, path), name) in blobs.iter().zip(BLOBS) {
            if digest_of(path)? != Some(*digest) {
                return Err(CeremonyError::Publication(name));
            }
        }
        Ok(Publication { certificate: stored.certificate, blobs, vault })
    }
}
