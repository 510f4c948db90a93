//! Tokens of operators and viewers, and the sessions of browsers that logged in with any token.

use base::{clock::Millis, ids::Digest};
use protocol::wire::Role;
use sqlx::{Row as _, sqlite::SqliteRow};

use super::{ReadTx, Result, StorageError, WriteTx, parsed};

const INSERT: &str = "INSERT INTO tokens (token_digest, role, name, created_at, expires_at) \
                      VALUES ($1, $2, $3, $4, $5)";
const TOKENS: &str = "SELECT id, token_digest, role, name, created_at, expires_at, revoked_at, last_used \
                      FROM tokens ORDER BY id";
const BY_DIGEST: &str = "SELECT id, token_digest, role, name, created_at, expires_at, revoked_at, last_used \
                         FROM tokens WHERE token_digest = $1";
const REVOKE: &str = "UPDATE tokens SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL";
const USED: &str = "UPDATE tokens SET last_used = $1 WHERE id = $2";
const FORGET: &str = "DELETE FROM sessions WHERE expires_at <= $1";
const INSERT_SESSION: &str =
    "INSERT INTO sessions (session_digest, token_digest, expires_at) VALUES ($1, $2, $3)";
const SESSION: &str = "SELECT token_digest FROM sessions WHERE session_digest = $1 AND expires_at > $2";
const END_SESSION: &str = "DELETE FROM sessions WHERE session_digest = $1";

/// A token as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// Number.
    pub id: u32,
    /// Digest of the token.
    pub token: Digest,
    /// What its holder may do.
    pub role: Role,
    /// Whose it is, in words.
    pub name: String,
    /// When it was made.
    pub created_at: Millis,
    /// When it stops working; `None` if never.
    pub expires_at: Option<Millis>,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Millis>,
    /// When it was last used, to the minute.
    pub last_used: Option<Millis>,
}

fn token_row(row: &SqliteRow) -> Result<TokenRow> {
    let moment = |column| Ok::<_, StorageError>(row.try_get::<Option<i64>, _>(column)?.map(Millis));
    let roles = [Role::Operator, Role::Viewer];
    let name: &str = row.try_get("role")?;
    let role = roles.into_iter().find(|role| role.name() == name);
    Ok(TokenRow {
        id: u32::try_from(row.try_get::<i64, _>("id")?).map_err(|_| StorageError::unreadable("token"))?,
        token: parsed(row.try_get("token_digest")?, "token digest")?,
        role: role.ok_or(StorageError::unreadable("token role"))?,
        name: row.try_get("name")?,
        created_at: Millis(row.try_get("created_at")?),
        expires_at: moment("expires_at")?,
        revoked_at: moment("revoked_at")?,
        last_used: moment("last_used")?,
    })
}

impl ReadTx {
    /// Returns the token with this digest.
    pub async fn token(&mut self, digest: Digest) -> Result<Option<TokenRow>> {
        let row = sqlx::query(BY_DIGEST).bind(digest.to_string()).fetch_optional(self.connection()).await?;
        row.as_ref().map(token_row).transpose()
    }

    /// Returns every token that was ever made, in the order of their numbers.
    pub async fn tokens(&mut self) -> Result<Vec<TokenRow>> {
        sqlx::query(TOKENS).fetch_all(self.connection()).await?.iter().map(token_row).collect()
    }

    /// Returns the digest of the token that a session logged in with, unless it has ended.
    pub async fn session(&mut self, session: Digest, now: Millis) -> Result<Option<Digest>> {
        let row = sqlx::query(SESSION)
            .bind(session.to_string())
            .bind(now.0)
            .fetch_optional(self.connection())
            .await?;
        row.map(|row| parsed(row.try_get("token_digest")?, "token digest")).transpose()
    }
}

impl WriteTx {
    /// Stores a token by its digest; the number in `row` is not looked at.
    pub async fn insert_token(&mut self, row: &TokenRow) -> Result<()> {
        sqlx::query(INSERT)
            .bind(row.token.to_string())
            .bind(row.role.name())
            .bind(&row.name)
            .bind(row.created_at.0)
            .bind(row.expires_at.map(|at| at.0))
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Revokes a token; one that was revoked before keeps its time.
    pub async fn revoke_token(&mut self, id: u32, at: Millis) -> Result<()> {
        sqlx::query(REVOKE).bind(at.0).bind(id).execute(self.connection()).await?;
        Ok(())
    }

    /// Records that a token was used.
    pub async fn used_token(&mut self, id: u32, at: Millis) -> Result<()> {
        sqlx::query(USED).bind(at.0).bind(id).execute(self.connection()).await?;
        Ok(())
    }

    /// Stores a session by the digest of its cookie, and forgets those that have ended.
    pub async fn begin_session(
        &mut self,
        session: Digest,
        token: Digest,
        (now, until): (Millis, Millis),
    ) -> Result<()> {
        sqlx::query(FORGET).bind(now.0).execute(self.connection()).await?;
        sqlx::query(INSERT_SESSION)
            .bind(session.to_string())
            .bind(token.to_string())
            .bind(until.0)
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Ends a session.
    pub async fn end_session(&mut self, session: Digest) -> Result<()> {
        sqlx::query(END_SESSION).bind(session.to_string()).execute(self.connection()).await?;
        Ok(())
    }
}
