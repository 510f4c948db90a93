//! `token create`, `list` and `revoke`: who else may look or operate.

use std::time::Duration;

use clap::{Subcommand, ValueEnum};
use protocol::wire::{IssuedToken, NewToken, Role, TokenView};

use super::{Client, Failure, output::Output};
use crate::config::duration;

/// Seconds of a day.
const DAY: u64 = 24 * 3600;

/// A role as the flag spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum RoleName {
    /// May read what everybody in the federation may read, but no blobs and no instances.
    Viewer,
    /// May do everything that the operator may do.
    Operator,
}

#[derive(Debug, Subcommand)]
pub(super) enum TokenVerb {
    /// Makes a token and prints it, once
    ///
    /// Example: coordinator token create "ethics board" --role viewer --expires 30d
    Create {
        /// Whose it is
        name: String,
        /// What its holder may do
        #[arg(long, value_enum, default_value_t = RoleName::Viewer)]
        role: RoleName,
        /// When it stops working: a duration such as 12h or 30d, or "never"
        #[arg(long, default_value = "90d")]
        expires: String,
    },
    /// Lists every token that was made, without the secrets
    ///
    /// Example: coordinator token list --format json
    List,
    /// Revokes a token at once
    ///
    /// Example: coordinator token revoke 3
    Revoke {
        /// Number of the token, as the list says it
        id: u32,
    },
}

/// Reads a lifetime in seconds; `None` is for ever.
fn lifetime(text: &str) -> Result<Option<u64>, Failure> {
    if text == "never" {
        return Ok(None);
    }
    if let Some(days) = text.strip_suffix('d').and_then(|days| days.trim().parse::<u64>().ok()) {
        let seconds = days.checked_mul(DAY).filter(|seconds| *seconds > 0);
        let refused =
            || Failure::Usage(format!("--expires {text} is no lifetime: write for example \"30d\""));
        return seconds.map(Some).ok_or_else(refused);
    }
    Ok(Some(duration("--expires", text)?.max(Duration::from_secs(1)).as_secs()))
}

pub(super) async fn run(client: &Client, output: Output, verb: TokenVerb) -> Result<(), Failure> {
    match verb {
        TokenVerb::Create { name, role, expires } => {
            let role = match role {
                RoleName::Viewer => Role::Viewer,
                RoleName::Operator => Role::Operator,
            };
            let new = NewToken { name, role, expires_in_seconds: lifetime(&expires)? };
            let issued: IssuedToken = client.post("/tokens", &new).await?;
            output.fact(&issued, || format!("{}\n\n{}", issued.token, describe(&issued.view)))
        }
        TokenVerb::List => {
            let tokens: Vec<TokenView> = client.get("/tokens").await?;
            output.fact(&tokens, || match tokens.as_slice() {
                [] => "no token was made yet: coordinator token create NAME".to_owned(),
                tokens => tokens.iter().map(describe).collect::<Vec<_>>().join("\n"),
            })
        }
        TokenVerb::Revoke { id } => {
            let view: TokenView =
                client.post(&format!("/tokens/{id}/revoke"), &serde_json::json!({})).await?;
            output.fact(&view, || describe(&view))
        }
    }
}

fn describe(view: &TokenView) -> String {
    let until = match (view.revoked_at, view.expires_at) {
        (Some(at), _) => format!("revoked {at}"),
        (None, Some(at)) => format!("works until {at}"),
        (None, None) => "works until it is revoked".to_owned(),
    };
    let used = view.last_used.map_or_else(|| "never used".to_owned(), |at| format!("last used {at}"));
    format!("token {:>3}  {:8}  {:24} {until}; {used}", view.id, view.role.name(), view.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_is_days_or_a_duration_or_for_ever() {
        let read = |text| lifetime(text).map_err(|e| e.to_string());
        assert_eq!(read("never"), Ok(None));
        assert_eq!(read("30d"), Ok(Some(30 * DAY)));
        assert_eq!(read("12h"), Ok(Some(12 * 3600)));
        assert!(read("0d").is_err_and(|message| message.contains("--expires 0d")));
        assert!(read("soon").is_err_and(|message| message.contains("--expires = \"soon\"")));
    }
}
