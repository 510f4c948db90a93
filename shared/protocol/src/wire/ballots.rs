//! The answer to a ballot.

use serde::{Deserialize, Serialize};

use base::{
    clock::Millis,
    identity::{Identity, PublicIdentity, Signed, SignedStatement, Statement},
    ids::{BallotId, Digest, ParticipantId, RoundId},
};

/// The coordinator's signed word that it holds a ballot.
#[derive(
    Debug,
    Clone,
    PartialEq,
    Eq,
    borsh::BorshSerialize,
    borsh::BorshDeserialize,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
pub struct Receipt {
    /// The round.
    pub round: RoundId,
    /// Who cast the ballot.
    pub participant: ParticipantId,
    /// Id that the participant chose for it.
    pub ballot: BallotId,
    /// Digest of all its bytes.
    pub digest: Digest,
    /// When it arrived.
    pub received_at: Millis,
}

impl Statement for Receipt {
    const DOMAIN: &'static str = "receipt";
}

/// `PUT /rounds/{round}/ballots/{ballot}`: the answer to a ballot; the same ballot again gives the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ReceiptView {
    /// The receipt in words.
    pub receipt: Receipt,
    /// The receipt, signed by the coordinator.
    #[schema(value_type = SignedStatement)]
    pub signed: Signed<Receipt>,
}

impl ReceiptView {
    /// Signs a receipt.
    pub fn new(receipt: Receipt, coordinator: &Identity) -> Self {
        Self { signed: coordinator.sign(&receipt), receipt }
    }

    /// Returns whether the coordinator signed exactly this receipt.
    pub fn is_signed_by(&self, coordinator: &PublicIdentity) -> bool {
        self.signed.verify(coordinator).is_ok_and(|signed| signed == self.receipt)
    }
}
