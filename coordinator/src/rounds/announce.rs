//! Announcing a round: everything is fixed before anyone votes.

use base::{
    ids::{Digest, RoundId},
    schema::InstanceSchema,
};
use learning::{Dataset, DatasetError, FileError, files::instances_from_npy_bytes};
use protocol::{
    federation::{FederationKeys, FederationState},
    round::{Announcement, RoundRequest, RoundState},
    transcript::EventBody,
};

use privacy::LedgerError;

use super::{Fresh, RoundError, take_out};
use crate::{
    app::App,
    storage::{FederationRow, ReadTx, RoundRow, WriteTx},
};

/// What the operator asks for.
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

/// Why a round is not announced.
#[derive(Debug, thiserror::Error)]
pub enum AnnounceError {
    /// Storage or pool failed, or the numbers of the round do not follow.
    #[error(transparent)]
    Round(RoundError),
    /// The window would close as it opens.
    #[error("window_seconds = 0: nobody could vote; use at least 1")]
    NoWindow,
    /// The instances are refused.
    #[error(transparent)]
    Instances(#[from] InstancesError),
    /// The id stands for another request.
    #[error("round {0} exists with other instances or window")]
    Taken(RoundId),
    /// Nothing is left to vote on.
    #[error(
        "every one of these instances was released before: coordinator round answers gives their labels, free"
    )]
    AllAnswered,
    /// Another round released some of them between the look and the announcement.
    #[error("some of these instances were released a moment ago: announce again")]
    AnsweredMeanwhile,
    /// The federation has no proven keys.
    #[error("the keys are not proven yet: start the trustees' agents (participant run) and try again")]
    NotKeyed,
    /// The keys of a federation without noise serve one round only.
    #[error("insecure_no_noise: the keys are thrown away after one round, and round {0} used them")]
    KeysUsed(RoundId),
    /// A promise of the ledger would be broken.
    #[error(transparent)]
    OverBudget(LedgerError),
}

impl<E: Into<RoundError>> From<E> for AnnounceError {
    fn from(error: E) -> Self {
        Self::Round(error.into())
    }
}

/// What a request to announce a round comes down to.
#[derive(Debug)]
pub enum Draft {
    /// The same request announced this round before.
    Known(Box<RoundRow>),
    /// A round that can be announced.
    New(Box<NewRound>),
}

/// A round that can be announced: its instances are stored, and nothing else yet.
#[derive(Debug)]
pub struct NewRound {
    request: Announce,
    instances: Digest,
    fresh: Fresh,
}

/// Reads submitted instances, takes out what was answered before, and stores the rest as a blob.
///
/// # Errors
/// Refuses a window of no length, unacceptable instances, an id that stands for another request, and instances that
/// were all released before.
pub async fn draft(
    app: &App,
    schema: &InstanceSchema,
    (id, window_seconds): (RoundId, u32),
    instances: Vec<u8>,
) -> Result<Draft, AnnounceError> {
    if window_seconds == 0 {
        return Err(AnnounceError::NoWindow);
    }
    let submitted = Digest::of(&instances);
    let read = {
        let schema = schema.clone();
        app.pool.run(move || {
            read_instances(&instances, &schema).map(|(dataset, count)| {
                let digests = dataset.digests();
                (dataset, count, digests)
            })
        })
    };
    let (dataset, count, digests) = read.await??;
    let request = Announce { id, instances: submitted, count, window_seconds };
    let mut tx = app.storage.read().await?;
    if let Some(round) = repeated(&mut tx, &request).await? {
        return Ok(Draft::Known(Box::new(round)));
    }
    let known = tx.answers(&digests).await?;
    drop(tx);
    let fresh = take_out(id, &dataset, schema, &known).map_err(InstancesError::from)?;
    let fresh = fresh.ok_or(AnnounceError::AllAnswered)?;
    let instances = app.storage.blobs().put(fresh.bytes.clone()).await?;
    Ok(Draft::New(Box::new(NewRound { request, instances, fresh })))
}

/// Returns the round that the same request announced before; refuses another request under its id.
async fn repeated(tx: &mut ReadTx, request: &Announce) -> Result<Option<RoundRow>, AnnounceError> {
    match tx.round(request.id).await? {
        Some(round) if round.request != request.digest() => Err(AnnounceError::Taken(request.id)),
        round => Ok(round),
    }
}

/// Why uploaded instances are refused.
#[derive(Debug, thiserror::Error)]
pub enum InstancesError {
    /// The bytes are not instances of the federation's schema.
    #[error(transparent)]
    File(#[from] FileError),
    /// The values are not acceptable.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// There is none, or too many.
    #[error("{0} instances: a round has 1 to {most} of them", most = fhe::MAX_INSTANCES)]
    Count(usize),
}

/// Checks that uploaded bytes are canonical instances of the schema and reads them with their number.
///
/// Only one byte string stands for given instances, so their digest identifies them.
pub fn read_instances(bytes: &[u8], schema: &InstanceSchema) -> Result<(Dataset, u32), InstancesError> {
    let dataset = instances_from_npy_bytes(bytes, schema.shape())?;
    dataset.check_schema(schema)?;
    let count = dataset.len();
    if !(1..=fhe::MAX_INSTANCES).contains(&count) {
        return Err(InstancesError::Count(count));
    }
    Ok((dataset, u32::try_from(count).map_err(|_| InstancesError::Count(count))?))
}

/// Announces a round under the roster as it stands, inside the caller's transaction; the same request again gives the
/// same round.
///
/// # Errors
/// Refuses what [`AnnounceError`] lists; then nothing was written.
pub async fn announce(
    app: &App,
    tx: &mut WriteTx,
    row: &FederationRow,
    new: &NewRound,
) -> Result<RoundRow, AnnounceError> {
    let NewRound { request, instances, fresh } = new;
    if let Some(round) = repeated(tx, request).await? {
        return Ok(round);
    }
    if !tx.answers(&fresh.digests).await?.is_empty() {
        return Err(AnnounceError::AnsweredMeanwhile);
    }
    let keys = tx.replay(|replay| replay.ceremony().keys().map(FederationKeys::digest)).await?.flatten();
    let keys = keys.filter(|_| row.state == FederationState::Keyed).ok_or(AnnounceError::NotKeyed)?;
    if row.founding.config.throw_away_keys() {
        refuse_second_use(tx).await?;
    }
    let roster = tx.roster(row.founding.digest()).await?;
    let opens_at = app.now();
    let request_of = RoundRequest {
        round: request.id,
        instances: *instances,
        instance_count: fresh.count,
        keys,
        opens_at,
        closes_at: opens_at.plus(i64::from(request.window_seconds) * 1000),
    };
    let announcement = Announcement::derive(&row.founding, &roster, &request_of)?;
    let cost = announcement.cost(&row.founding, &roster)?;
    // The transcript's rules would refuse it too; this says what is left.
    let paid = tx.replay(|replay| replay.ledger().check(&cost)).await?;
    if let Some(Err(error)) = paid {
        return Err(AnnounceError::OverBudget(error));
    }
    let state = RoundState::Announced;
    let round = RoundRow {
        announcement: announcement.clone(),
        roster,
        request: request.digest(),
        state,
        labels: None,
    };
    tx.insert_round(&round, opens_at).await?;
    if let Some(sources) = &fresh.sources {
        tx.set_sources(request.id, sources).await?;
    }
    tx.append(&app.identity, opens_at, EventBody::Announced(announcement)).await?;
    tracing::info!(round = %request.id, submitted = request.count, instances = fresh.count, "round announced");
    Ok(round)
}

/// Keys of a federation without noise serve one round only, because every label is a hint about them.
async fn refuse_second_use(tx: &mut ReadTx) -> Result<(), AnnounceError> {
    let rounds = tx.rounds().await?;
    let spent = |round: &&RoundRow| {
        !matches!(
            round.state,
            RoundState::Failed { charged: false, .. } | RoundState::Cancelled { charged: false }
        )
    };
    match rounds.iter().find(spent) {
        None => Ok(()),
        Some(round) => Err(AnnounceError::KeysUsed(round.id())),
    }
}
