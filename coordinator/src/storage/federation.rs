//! The one federation of this data folder.

use base::ids::canonical;
use protocol::federation::{FederationState, Founding};
use sqlx::Row as _;

use super::{ReadTx, Result, StorageError, WriteTx, decoded};

const INSERT: &str = "INSERT INTO federation (only_row, founding, state) VALUES (1, $1, $2)";
const SELECT: &str = "SELECT founding, state FROM federation";
const SET_STATE: &str = "UPDATE federation SET state = $1";

/// The federation as stored.
#[derive(Debug, Clone)]
pub struct FederationRow {
    /// Event 0.
    pub founding: Founding,
    /// Where it stands.
    pub state: FederationState,
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

impl ReadTx {
    /// Returns the federation, if one was founded.
    pub async fn federation(&mut self) -> Result<Option<FederationRow>> {
        let Some(row) = sqlx::query(SELECT).fetch_optional(self.connection()).await? else {
            return Ok(None);
        };
        Ok(Some(FederationRow {
            founding: decoded(row.try_get("founding")?, "event 0")?,
            state: state_of(row.try_get("state")?)?,
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
}
