//! Participants and their invites.

use base::{
    clock::Millis,
    ids::{Digest, ParticipantId, canonical},
};
use protocol::federation::{Member, Roster};
use sqlx::{Row as _, sqlite::SqliteRow};

use super::{ReadTx, Result, WriteTx, decoded, parsed, participant};

const INSERT_INVITE: &str =
    "INSERT INTO invites (secret_digest, name, trustee, created_at) VALUES ($1, $2, $3, $4)";
const INVITES: &str = "SELECT secret_digest, name, trustee, participant FROM invites";
const USE_INVITE: &str = "UPDATE invites SET participant = $1 WHERE secret_digest = $2";
const INSERT_MEMBER: &str =
    "INSERT INTO participants (id, name, member, token_digest, enrolled_at) VALUES ($1, $2, $3, $4, $5)";
const SET_TOKEN: &str = "UPDATE participants SET token_digest = $1 WHERE id = $2";
const MEMBERS: &str =
    "SELECT member, token_digest, revoked_at, approved, last_seen FROM participants ORDER BY id";
const BY_TOKEN: &str =
    "SELECT member, token_digest, revoked_at, approved, last_seen FROM participants WHERE token_digest = $1";
const REVOKE: &str = "UPDATE participants SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL";
const APPROVE: &str = "UPDATE participants SET approved = $1 WHERE id = $2";
const SEEN: &str = "UPDATE participants SET last_seen = $1 WHERE id = $2";

/// A participant as stored.
#[derive(Debug, Clone)]
pub struct MemberRow {
    /// Its entry in the roster.
    pub member: Member,
    /// Digest of its token.
    pub token: Digest,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Millis>,
    /// Digest of the roster that it approved last.
    pub approved: Option<Digest>,
    /// When its agent was last heard.
    pub last_seen: Option<Millis>,
}

/// An invite as stored.
#[derive(Debug, Clone)]
pub struct InviteRow {
    /// Digest of the secret.
    pub secret: Digest,
    /// Name of the invited participant.
    pub name: String,
    /// Whether it becomes the trustee.
    pub trustee: bool,
    /// Who used it.
    pub participant: Option<ParticipantId>,
}

fn member_row(row: &SqliteRow) -> Result<MemberRow> {
    let approved: Option<&str> = row.try_get("approved")?;
    Ok(MemberRow {
        member: decoded(row.try_get("member")?, "participant")?,
        token: parsed(row.try_get("token_digest")?, "token digest")?,
        revoked_at: row.try_get::<Option<i64>, _>("revoked_at")?.map(Millis),
        approved: approved.map(|text| parsed(text, "approved roster")).transpose()?,
        last_seen: row.try_get::<Option<i64>, _>("last_seen")?.map(Millis),
    })
}

fn invite_row(row: &SqliteRow) -> Result<InviteRow> {
    Ok(InviteRow {
        secret: parsed(row.try_get("secret_digest")?, "invite digest")?,
        name: row.try_get("name")?,
        trustee: row.try_get("trustee")?,
        participant: row.try_get::<Option<i64>, _>("participant")?.map(participant).transpose()?,
    })
}

impl ReadTx {
    /// Returns every invite, used or not.
    pub async fn invites(&mut self) -> Result<Vec<InviteRow>> {
        sqlx::query(INVITES).fetch_all(self.connection()).await?.iter().map(invite_row).collect()
    }

    /// Returns the participant whose token has this digest.
    pub async fn member_with_token(&mut self, token: Digest) -> Result<Option<MemberRow>> {
        let row = sqlx::query(BY_TOKEN).bind(token.to_string()).fetch_optional(self.connection()).await?;
        row.as_ref().map(member_row).transpose()
    }

    /// Returns every participant that ever enrolled, in the order of their numbers.
    pub async fn members(&mut self) -> Result<Vec<MemberRow>> {
        sqlx::query(MEMBERS).fetch_all(self.connection()).await?.iter().map(member_row).collect()
    }

    /// Returns the roster as it stands: everybody who enrolled and was not revoked.
    pub async fn roster(&mut self, federation: Digest) -> Result<Roster> {
        let rows = self.members().await?;
        let members = rows.into_iter().filter(|row| row.revoked_at.is_none()).map(|row| row.member);
        Ok(Roster { federation, members: members.collect() })
    }
}

impl WriteTx {
    /// Stores an invite by the digest of its secret.
    pub async fn insert_invite(&mut self, invite: &InviteRow, at: Millis) -> Result<()> {
        sqlx::query(INSERT_INVITE)
            .bind(invite.secret.to_string())
            .bind(&invite.name)
            .bind(invite.trustee)
            .bind(at.0)
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Stores a new participant and marks its invite as used by it.
    pub async fn insert_member(
        &mut self,
        member: &Member,
        token: Digest,
        invite: Digest,
        at: Millis,
    ) -> Result<()> {
        sqlx::query(INSERT_MEMBER)
            .bind(member.id.get())
            .bind(&member.name)
            .bind(canonical(member))
            .bind(token.to_string())
            .bind(at.0)
            .execute(self.connection())
            .await?;
        sqlx::query(USE_INVITE)
            .bind(member.id.get())
            .bind(invite.to_string())
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Gives a participant another token; the old one stops working.
    pub async fn set_token(&mut self, id: ParticipantId, token: Digest) -> Result<()> {
        sqlx::query(SET_TOKEN).bind(token.to_string()).bind(id.get()).execute(self.connection()).await?;
        Ok(())
    }

    /// Revokes a participant and tells whether it was on the roster.
    pub async fn revoke(&mut self, id: ParticipantId, at: Millis) -> Result<bool> {
        let done = sqlx::query(REVOKE).bind(at.0).bind(id.get()).execute(self.connection()).await?;
        Ok(done.rows_affected() == 1)
    }

    /// Records the roster that a participant approves.
    pub async fn approve(&mut self, id: ParticipantId, roster: Digest) -> Result<()> {
        sqlx::query(APPROVE).bind(roster.to_string()).bind(id.get()).execute(self.connection()).await?;
        Ok(())
    }

    /// Records that a participant's agent was heard.
    pub async fn seen(&mut self, id: ParticipantId, at: Millis) -> Result<()> {
        sqlx::query(SEEN).bind(at.0).bind(id.get()).execute(self.connection()).await?;
        Ok(())
    }
}
