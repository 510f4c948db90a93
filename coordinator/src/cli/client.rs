//! How the operator's commands reach a running coordinator.

use std::path::{Path, PathBuf};

use base::problem::Code;
use client::{Client, ClientError, Endpoint, Patience, Token, Trust, is_loopback};
use reqwest::Url;

use super::Failure;
use crate::{home::operator_token_path, tls::AUTHORITY};

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match &error {
            ClientError::Refused { problem, .. } => match problem.code {
                Code::Unauthorized | Code::Forbidden => Self::Connection(problem.to_string()),
                Code::InvalidConfig | Code::InvalidInstances | Code::InvalidRequest => {
                    Self::Usage(problem.to_string())
                }
                _ => Self::Job(problem.to_string()),
            },
            ClientError::Unreachable { .. } | ClientError::Certificate { .. } | ClientError::NoToken(_) => {
                Self::Connection(error.to_string())
            }
            ClientError::TimedOut { .. } => Self::TimedOut(error.to_string()),
            ClientError::Malformed { .. } | ClientError::TooLarge { .. } | ClientError::SetUp(_) => {
                Self::Job(error.to_string())
            }
        }
    }
}

/// Where the coordinator is, and who vouches for it.
#[derive(Debug, Clone, Copy)]
pub struct Address<'a> {
    /// Its URL.
    pub url: &'a str,
    /// File of the one authority that may vouch for it; that of HOME by default, or else the system's.
    pub authority: Option<&'a Path>,
    /// Whether plain HTTP may leave this machine.
    pub insecure_http: bool,
}

impl Address<'_> {
    /// Returns a client that speaks to this address alone; the token comes from the flag or from the data folder.
    pub(super) fn connect(&self, home: &Path, token: Option<String>) -> Result<Client, Failure> {
        let path = operator_token_path(home);
        let token = match token {
            Some(token) => token,
            None => std::fs::read_to_string(&path).map_err(|e| {
                let path = path.display();
                Failure::Usage(format!(
                    "no operator's token: {path}: {e} (give --home of the coordinator, or PSEPHOS_TOKEN)"
                ))
            })?,
        };
        self.reach(home, Some(Token::new(token.trim().to_owned())))
    }

    /// Returns a client with this token, or with none for what anyone may ask.
    pub(super) fn reach(&self, home: &Path, token: Option<Token>) -> Result<Client, Failure> {
        // A person sees the first failure and decides.
        let once = Patience { attempts: 1, ..Patience::PERSON };
        Ok(Client::new(self.endpoint(home)?, token, once)?)
    }

    fn endpoint(&self, home: &Path) -> Result<Endpoint, Failure> {
        let url: Url = self.url.parse().map_err(|e| {
            Failure::Usage(format!("--url {}: {e}; write it like https://host:7400", self.url))
        })?;
        let is_https = url.scheme() == "https";
        if !is_https && !is_loopback(&url) && !self.insecure_http {
            return Err(Failure::Usage(format!(
                "--url {} is plain http to another machine, where anyone on the way reads the token: use https, or name \
                 --insecure-http for a closed test network",
                self.url
            )));
        }
        let trust = match authority_file(home, self.authority).filter(|_| is_https) {
            None => Trust::System,
            Some(path) => Trust::Authority(
                std::fs::read(&path).map_err(|e| Failure::Usage(format!("{}: {e}", path.display())))?,
            ),
        };
        Ok(Endpoint { url, trust })
    }
}

/// Returns the file of the authority: the one named, or that of the data folder if it has one.
pub(super) fn authority_file(home: &Path, named: Option<&Path>) -> Option<PathBuf> {
    let own = || Some(home.join(AUTHORITY)).filter(|path| path.exists());
    named.map(Path::to_owned).or_else(own)
}
