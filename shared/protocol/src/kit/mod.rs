//! Kits: one small archive that brings an institution into a federation.
//!
//! A kit carries an address, a fingerprint and an invite, and text for people. It never decides what runs at the
//! institution: of its settings only those of [`KitSettings`] are read.

mod archive;

use serde::{Deserialize, Serialize};

use crate::federation::check_name;
use base::fingerprint::Fingerprint;

/// Why a kit cannot be made or opened.
#[derive(Debug, thiserror::Error)]
pub enum KitError {
    /// The archive cannot be unpacked.
    #[error("the kit cannot be unpacked: {0}")]
    Archive(#[from] std::io::Error),
    /// The archive holds something that no kit holds.
    #[error("the kit is refused: {0}; nothing was unpacked: ask the operator for another")]
    Refused(String),
    /// A file of the kit is missing.
    #[error("the kit holds no {0}: ask the operator for another")]
    Missing(&'static str),
    /// The settings are not those of a kit.
    #[error("the kit's participant.toml: {0}")]
    Settings(String),
}

/// Settings that a kit's `participant.toml` may hold; unknown keys are refused, so that no kit brings a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KitSettings {
    /// Name of the institution, as in the invite.
    pub name: String,
    /// Address of the coordinator.
    pub coordinator: String,
    /// Certificate to which the coordinator's chain must lead; absent where the system's authorities vouch for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coordinator_fingerprint: Option<Fingerprint>,
    /// Permits plain http to another machine.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub insecure_http: bool,
    /// The teachers that the operator suggests.
    pub teachers: KitTeachers,
}

/// The table `[teachers]` of a kit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KitTeachers {
    /// Number of teachers, k.
    pub count: u32,
}

/// Content of a kit; its invite is a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Kit {
    /// What the participant's config begins with.
    pub settings: KitSettings,
    /// Secret that enrols the institution, once.
    pub invite: String,
    /// Certificate of the federation's own authority (PEM), if it has one.
    pub authority: Option<String>,
    /// What a person reads first.
    pub readme: String,
    /// Unit for systemd.
    pub unit: String,
}

impl std::fmt::Debug for Kit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kit").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Kit {
    /// Packs the kit; the same kit gives the same bytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, KitError> {
        let settings = toml::to_string(&self.settings).map_err(|e| KitError::Settings(e.to_string()))?;
        let mut files = vec![
            (README, self.readme.as_str()),
            (SETTINGS, settings.as_str()),
            (INVITE, self.invite.as_str()),
            (UNIT, self.unit.as_str()),
        ];
        files.extend(self.authority.as_deref().map(|pem| (AUTHORITY, pem)));
        archive::pack(&files)
    }

    /// Unpacks a kit in memory; whatever is not of the exact form is refused.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KitError> {
        let mut files = archive::unpack(bytes)?;
        let mut take = |name| files.remove(name).ok_or(KitError::Missing(name));
        let settings: KitSettings =
            toml::from_str(&take(SETTINGS)?).map_err(|e| KitError::Settings(e.to_string()))?;
        check_name(&settings.name).map_err(|e| KitError::Settings(e.to_string()))?;
        let invite = take(INVITE)?.trim().to_owned();
        let (readme, unit, authority) = (take(README)?, take(UNIT)?, take(AUTHORITY).ok());
        Ok(Self { settings, invite, authority, readme, unit })
    }
}

const README: &str = "README.md";
const SETTINGS: &str = "participant.toml";
const INVITE: &str = "invite";
const AUTHORITY: &str = "authority.pem";
const UNIT: &str = "psephos-participant.service";
/// Every file that a kit may hold.
const NAMES: [&str; 5] = [README, SETTINGS, INVITE, AUTHORITY, UNIT];

#[cfg(test)]
mod tests;
