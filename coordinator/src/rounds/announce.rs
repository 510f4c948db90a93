//! Announcing a round: everything is fixed before anyone votes.

use shared::{
    federation::FederationState,
    ids::{Digest, RoundId},
    learning::{Dataset, DatasetError, FileError, InstanceSchema, files::instances_from_npy_bytes},
    problem::Code,
    round::{Announcement, RoundRequest, RoundState},
    transcript::EventBody,
};

use super::{Fresh, RoundError};
use crate::{
    api::ApiError,
    app::App,
    storage::{FederationRow, RoundRow, Tx},
};

/// Is what the operator asks for.
#[derive(Debug, Clone, Copy, borsh::BorshSerialize)]
pub struct Announce {
    /// The round's id.
    pub id: RoundId,
    /// Digest of the submitted instances in their canonical form.
    pub instances: Digest,
    /// Number of submitted instances.
    pub count: u32,
    /// How long the window is open.
    pub window_seconds: u32,
}

impl Announce {
    /// Returns the digest by which a repeated request is recognised.
    pub fn digest(&self) -> Digest {
        Digest::of_value("coordinator/announce", self)
    }
}

/// Says why uploaded instances are refused.
#[derive(Debug, thiserror::Error)]
pub enum InstancesError {
    /// The bytes are not instances of the federation's schema.
    #[error(transparent)]
    File(#[from] FileError),
    /// The values are not acceptable.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// There is none, or too many.
    #[error("{0} instances: a round has 1 to {most} of them", most = shared::fhe::MAX_INSTANCES)]
    Count(usize),
}

/// Checks that uploaded bytes are canonical instances of the schema and reads them with their number.
///
/// Only one byte string stands for given instances, so their digest identifies them.
pub fn read_instances(bytes: &[u8], schema: &InstanceSchema) -> Result<(Dataset, u32), InstancesError> {
    let dataset = instances_from_npy_bytes(bytes, schema.shape())?;
    dataset.check_schema(schema)?;
    let count = dataset.len();
    if !(1..=shared::fhe::MAX_INSTANCES).contains(&count) {
        return Err(InstancesError::Count(count));
    }
    Ok((dataset, u32::try_from(count).map_err(|_| InstancesError::Count(count))?))
}

/// Announces a round under the roster as it stands, inside the caller's transaction.
pub async fn announce(
    app: &App,
    tx: &mut Tx,
    row: &FederationRow,
    request: &Announce,
    fresh: (Digest, &Fresh),
) -> Result<RoundRow, ApiError> {
    let (instances, fresh) = fresh;
    let certificate = match (&row.certificate, row.state) {
        (Some(signed), FederationState::Keyed) => signed.unverified()?,
        _ => {
            let detail =
                "the trustee's keys are not proven yet: start its agent (participant run) and try again";
            return Err(ApiError::new(Code::WrongFederationState, detail));
        }
    };
    if row.founding.config.throw_away_keys() {
        refuse_second_use(app, tx).await?;
    }
    let roster = app.storage.roster(tx, row.founding.digest()).await?;
    let opens_at = app.now();
    let request_of = RoundRequest {
        round: request.id,
        instances,
        instance_count: fresh.count,
        keys: certificate.digest(),
        opens_at,
        closes_at: opens_at.plus(i64::from(request.window_seconds) * 1000),
    };
    let announcement = Announcement::derive(&row.founding, &roster, &request_of).map_err(RoundError::from)?;
    let cost = announcement.cost(&row.founding, &roster).map_err(RoundError::from)?;
    // The transcript's rules would refuse it too; this says what is left.
    let paid = app.storage.replay(tx, |replay| replay.ledger().check(&cost)).await?;
    if let Some(Err(error)) = paid {
        return Err(ApiError::new(Code::OverBudget, error.to_string()));
    }
    let state = RoundState::Announced;
    let round = RoundRow {
        announcement: announcement.clone(),
        roster,
        request: request.digest(),
        state,
        labels: None,
    };
    app.storage.insert_round(tx, &round, opens_at).await?;
    if let Some(sources) = &fresh.sources {
        app.storage.set_sources(tx, request.id, sources).await?;
    }
    app.storage.append(tx, &app.identity, opens_at, EventBody::Announced(announcement)).await?;
    Ok(round)
}

/// Keys of a federation without noise serve one round only, because every label is a hint about them.
async fn refuse_second_use(app: &App, tx: &mut Tx) -> Result<(), ApiError> {
    let rounds = app.storage.rounds(tx).await?;
    let spent = |round: &&RoundRow| {
        !matches!(
            round.state,
            RoundState::Failed { charged: false, .. } | RoundState::Cancelled { charged: false }
        )
    };
    match rounds.iter().find(spent) {
        None => Ok(()),
        Some(round) => {
            let detail = format!(
                "insecure_no_noise: the keys are thrown away after one round, and round {} used them",
                round.id()
            );
            Err(ApiError::new(Code::InfeasibleRound, detail))
        }
    }
}
