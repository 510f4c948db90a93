//! Tokens of people: who may look, who may operate, and until when.

use serde::{Deserialize, Serialize};

use base::clock::Millis;

/// What the holder of a token may do; participants and trustees get theirs when they enrol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything that the operator may do.
    Operator,
    /// Reading what everybody in the federation may read, but no blobs and no instances.
    #[default]
    Viewer,
}

impl Role {
    /// Returns the name used in reports and flags.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Viewer => "viewer",
        }
    }
}

/// `POST /tokens`: makes a token.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// Whose it is, in words.
    pub name: String,
    /// What its holder may do.
    #[serde(default)]
    pub role: Role,
    /// After how many seconds it stops working; absent if never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_seconds: Option<u64>,
}

/// Answer to [`NewToken`]; the secret is shown once.
#[derive(Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct IssuedToken {
    /// The token, to be kept secret; the coordinator keeps only its hash.
    pub token: String,
    /// What is known of it.
    pub view: TokenView,
}

/// `GET /tokens`: one token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TokenView {
    /// Number, by which it is revoked.
    pub id: u32,
    /// Whose it is, in words.
    pub name: String,
    /// What its holder may do.
    pub role: Role,
    /// When it was made.
    pub created_at: Millis,
    /// When it stops working; `None` if never.
    pub expires_at: Option<Millis>,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Millis>,
    /// When it was last used, to the minute; `None` if never.
    pub last_used: Option<Millis>,
}
