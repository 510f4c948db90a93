//! The one federation of this data folder.

use base::{
    identity::Signed,
    ids::{Digest, canonical},
};
use borsh::BorshDeserialize;
use protocol::federation::{FederationState, Founding, KeyCertificate};
use sqlx::Row as _;

use super::{ReadTx, Result, StorageError, WriteTx, decoded, parsed};

const INSERT: &str = "INSERT INTO federation (only_row, founding, state) VALUES (1, $1, $2)";
const SELECT: &str = "SELECT founding, state, certificate, known_answer FROM federation";
const SET_STATE: &str = "UPDATE federation SET state = $1";
const SET_CERTIFICATE: &str = "UPDATE federation SET certificate = $1, known_answer = NULL";
const SET_KNOWN_ANSWER: &str = "UPDATE federation SET known_answer = $1";

/// The federation as stored.
#[derive(Debug, Clone)]
pub struct FederationRow {
    /// Event 0.
    pub founding: Founding,
    /// Where it stands.
    pub state: FederationState,
    /// The signed certificate of the keys, once published.
    pub certificate: Option<Signed<KeyCertificate>>,
    /// Digest of what is opened of the known answer, once it is tallied: its label ciphertexts, or its squashed
    /// digits if there are several trustees.
    pub known_answer: Option<Digest>,
}

const fn state_name(state: FederationState) -> &'static str {
    match state {
        FederationState::Assembling => "assembling",
        FederationState::Keyed => "keyed",
        FederationState::Closed => "closed",
    }
}

fn state_of(name: &str) -> Result<FederationState> {
    let all = [FederationState::Assembling, FederationState::Keyed, FederationState::Closed];
    let state = all.into_iter().find(|state| state_name(*state) == name);
    state.ok_or(StorageError::unreadable("federation state"))
}

fn optional<T: BorshDeserialize>(bytes: Option<&[u8]>, what: &'static str) -> Result<Option<T>> {
    bytes.map(|bytes| decoded(bytes, what)).transpose()
}

impl ReadTx {
    /// Returns the federation, if one was founded.
    pub async fn federation(&mut self) -> Result<Option<FederationRow>> {
        let Some(row) = sqlx::query(SELECT).fetch_optional(self.connection()).await? else {
            return Ok(None);
        };
        let known_answer: Option<&str> = row.try_get("known_answer")?;
        Ok(Some(FederationRow {
            founding: decoded(row.try_get("founding")?, "event 0")?,
            state: state_of(row.try_get("state")?)?,
            certificate: optional(row.try_get("certificate")?, "key certificate")?,
            known_answer: known_answer.map(|text| parsed(text, "known answer")).transpose()?,
        }))
    }
}

impl WriteTx {
    /// Stores event 0; the caller has made sure that there is none yet.
    pub async fn insert_federation(&mut self, founding: &Founding) -> Result<()> {
        sqlx::query(INSERT)
            .bind(canonical(founding))
            .bind(state_name(FederationState::Assembling))
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Moves the federation to a state.
    pub async fn set_federation_state(&mut self, state: FederationState) -> Result<()> {
        sqlx::query(SET_STATE).bind(state_name(state)).execute(self.connection()).await?;
        Ok(())
    }

    /// Stores the signed certificate of the keys.
    pub async fn set_certificate(&mut self, certificate: &Signed<KeyCertificate>) -> Result<()> {
        sqlx::query(SET_CERTIFICATE).bind(canonical(certificate)).execute(self.connection()).await?;
        Ok(())
    }

    /// Stores the digest of what is opened of the known answer.
    pub async fn set_known_answer(&mut self, opened: Digest) -> Result<()> {
        sqlx::query(SET_KNOWN_ANSWER).bind(opened.to_string()).execute(self.connection()).await?;
        Ok(())
    }
}
