//! Acknowledging: each trustee unseals its package, checks every piece against its commitment, keeps it and says so,
//! or complains, which ends the ceremony.

use std::sync::Arc;

use base::{
    identity::{Identity, IdentityError, Signed},
    ids::{Digest, ParticipantId},
};
use protocol::{
    federation::{Acknowledgement, Complaint, KeyCertificate},
    transcript::Replay,
};
use serde::{Deserialize, Serialize};
use threshold::{Package, PackageError, TrusteeIndex};

use super::super::{
    Trustee,
    agreement::{AgreementError, Seat},
    package,
    vault::VaultError,
};
use crate::{agent::Agent, home::Home};
use client::{BlobPath, ClientError, TransferError};
use runtime::{
    PoolError,
    files::{Access, FileError, make_folder, read_if_there, read_json, remove_if_there, write_json},
};

/// Most bytes of a sealed package that are taken: far more than any sharing needs.
const PACKAGE_LIMIT: u64 = 4 << 20;

/// Says why a trustee does not acknowledge.
#[derive(Debug, thiserror::Error)]
pub enum AcknowledgeError {
    /// The coordinator gave no answer or refused.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The package cannot be fetched.
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// This institution takes no part.
    #[error(transparent)]
    Agreement(#[from] AgreementError),
    /// The transcript holds no keys, or none that are shared.
    #[error("the transcript holds no shared keys yet")]
    NoKeys,
    /// What came is wrong, and the others were told.
    #[error("complained about participant {about}, which ends the ceremony: {reason}")]
    Complained {
        /// Whose work is wrong.
        about: ParticipantId,
        /// What is wrong.
        reason: String,
    },
    /// The package in the home cannot be used.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The computation failed by a bug.
    #[error(transparent)]
    Pool(#[from] PoolError),
}

/// Says what is wrong with a package; it goes into the complaint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PackageFault {
    #[error("the package cannot be unsealed: {0}")]
    Sealed(#[from] IdentityError),
    #[error(transparent)]
    Package(#[from] PackageError),
    #[error("the package holds the pieces of trustee {found}, sealed to trustee {expected}")]
    OtherTrustee { found: TrusteeIndex, expected: TrusteeIndex },
}

/// Checks this trustee's package and acknowledges it, or complains; a retry sends the same statement again.
pub async fn acknowledge(
    agent: &Agent,
    trustee: &mut Trustee,
    replay: &Replay,
) -> Result<(), AcknowledgeError> {
    let keys = (agent.identity.public(), agent.identity.sealing_key());
    let seat = Seat::find(replay, agent.membership.participant, keys)?;
    seat.check_approved(&agent.home)?;
    let certificate = replay.ceremony().certificate().ok_or(AcknowledgeError::NoKeys)?.clone();
    let reception = Reception { home: agent.home.clone(), seat, certificate };
    if let Some(complaint) = own_complaint(&agent.home, reception.certificate.digest())? {
        return complain(agent, &complaint).await;
    }
    let package = match reception.kept()? {
        Some(package) => package,
        None => match receive(agent, &reception).await? {
            Ok(package) => package,
            Err(complaint) => return complain(agent, &complaint).await,
        },
    };
    trustee.package = Some(Arc::new(package));
    let statement = agent.identity.sign(&Acknowledgement {
        federation: agent.membership.federation(),
        keys: reception.certificate.digest(),
        participant: agent.membership.participant,
    });
    agent.client().acknowledge(agent.membership.participant, &statement).await?;
    tracing::info!("checked this trustee's pieces against their commitments, kept and acknowledged them");
    Ok(())
}

/// Downloads and opens the package; keeps it, or returns the complaint that is kept in its place.
async fn receive(
    agent: &Agent,
    reception: &Reception,
) -> Result<Result<Package, StoredComplaint>, AcknowledgeError> {
    let digest = reception.digest()?;
    let path = agent.home.blob(digest);
    agent.client().get_blob(BlobPath::Blob(digest), digest, PACKAGE_LIMIT, &path, |_, _| {}).await?;
    let sealed = read_if_there(&path)?.unwrap_or_default();
    let outcome = match reception.open(&agent.identity, &sealed) {
        Ok(package) => {
            package::store(&agent.home, &package)?;
            Ok(package)
        }
        Err(fault) => Err(reception.complain(&agent.identity, &fault)?),
    };
    remove_if_there(&path)?;
    Ok(outcome)
}

async fn complain(agent: &Agent, stored: &StoredComplaint) -> Result<(), AcknowledgeError> {
    agent.client().complain(agent.membership.participant, &stored.complaint).await?;
    Err(AcknowledgeError::Complained { about: stored.about, reason: stored.reason.clone() })
}

/// Is a complaint as it is kept: written before it is posted, so that nothing is acknowledged after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredComplaint {
    /// Digest of the keys that it is about.
    pub keys: Digest,
    /// Whose work is wrong.
    pub about: ParticipantId,
    /// What is wrong.
    pub reason: String,
    /// The signed statement.
    pub complaint: Signed<Complaint>,
}

/// Returns the complaint that this trustee made about these keys, if it did.
pub fn own_complaint(home: &Home, keys: Digest) -> Result<Option<StoredComplaint>, FileError> {
    let stored: Option<StoredComplaint> = read_json(&home.trustee().join("complaint.json"))?;
    Ok(stored.filter(|stored| stored.keys == keys))
}

/// Is what a trustee holds its package to.
pub(crate) struct Reception {
    pub(crate) home: Home,
    pub(crate) seat: Seat,
    pub(crate) certificate: KeyCertificate,
}

impl Reception {
    /// Returns the digest of this trustee's sealed package.
    fn digest(&self) -> Result<Digest, AcknowledgeError> {
        let place = usize::from(self.seat.index.get()).wrapping_sub(1);
        let packages = self.certificate.sharing.as_ref().map(|sharing| sharing.packages.as_slice());
        packages.and_then(|packages| packages.get(place)).copied().ok_or(AcknowledgeError::NoKeys)
    }

    /// Returns the package kept before, if it is one of these keys.
    pub(crate) fn kept(&self) -> Result<Option<Package>, AcknowledgeError> {
        let package = package::load(&self.home, self.seat.sharing)?;
        Ok(package.filter(|package| self.check(package).is_ok()))
    }

    /// Unseals a package and checks whose it is, and each piece against its commitment.
    pub(crate) fn open(&self, identity: &Identity, sealed: &[u8]) -> Result<Package, PackageFault> {
        let package = Package::from_bytes(&identity.unseal(sealed)?, self.seat.sharing)?;
        self.check(&package)?;
        Ok(package)
    }

    fn check(&self, package: &Package) -> Result<(), PackageFault> {
        let (found, expected) = (package.trustee(), self.seat.index);
        if found != expected {
            return Err(PackageFault::OtherTrustee { found, expected });
        }
        let commitments = self.certificate.sharing.as_ref().map(|sharing| sharing.commitments.as_slice());
        Ok(package.check(commitments.unwrap_or_default())?)
    }

    /// Signs a complaint about the dealer and keeps it.
    pub(crate) fn complain(
        &self,
        identity: &Identity,
        fault: &PackageFault,
    ) -> Result<StoredComplaint, FileError> {
        let (keys, about) = (self.certificate.digest(), self.seat.dealer);
        let reason = fault.to_string();
        let complaint = identity.sign(&Complaint {
            federation: self.seat.trustees.federation,
            keys,
            participant: self.seat.participant,
            about,
            reason: reason.clone(),
        });
        let stored = StoredComplaint { keys, about, reason, complaint };
        make_folder(&self.home.trustee(), Access::Public)?;
        write_json(&self.home.trustee().join("complaint.json"), &stored)?;
        Ok(stored)
    }
}
