//! What a federation wants to promise: targets per view, from which the noise is solved for.

use std::fmt;
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use super::cost::{Units, Views};
use super::delta::Delta;
use base::decimal::Decimal;

/// The targets of a federation, `[privacy.targets.public]` and `[privacy.targets.coordinator]` of its config.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Serialize,
    Deserialize,
    BorshSerialize,
    BorshDeserialize,
    utoipa::ToSchema,
)]
#[serde(deny_unknown_fields)]
pub struct PrivacyTargets {
    /// What everyone who reads the labels may learn at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public: Option<Target>,
    /// What the coordinator, who knows its own noise, may learn at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coordinator: Option<Target>,
}

/// A promise about one view: so many labels cost one unit of privacy at most (ε, δ).
#[derive(
    Clone, Copy, Debug, PartialEq, Serialize, Deserialize, BorshSerialize, BorshDeserialize, utoipa::ToSchema,
)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// ε, above 0.
    pub epsilon: Decimal,
    /// δ of (ε, δ).
    pub delta: Delta,
    /// Q, how many labels the budget must buy.
    pub labels: u32,
    /// Whom the promise protects.
    #[serde(default)]
    pub unit: Unit,
}

/// Whom a promise protects.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    BorshSerialize,
    BorshDeserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Everything one person has in the federation.
    #[default]
    Person,
    /// Everything one participant holds.
    Participant,
}

/// Who looks, among the views that have targets; a coalition of participants adds nothing to either.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    BorshSerialize,
    BorshDeserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum View {
    /// Anyone who reads the labels and knows no noise.
    #[default]
    Public,
    /// The coordinator, who knows its own noise.
    Coordinator,
}

/// A word that names no unit or no view.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is not a {what}: give {choices}")]
pub struct UnknownName {
    what: &'static str,
    choices: &'static str,
    word: String,
}

impl PrivacyTargets {
    /// Lists the targets that are set, each with its view.
    pub fn iter(&self) -> impl Iterator<Item = (View, Target)> {
        let public = self.public.map(|target| (View::Public, target));
        let coordinator = self.coordinator.map(|target| (View::Coordinator, target));
        public.into_iter().chain(coordinator)
    }

    /// Returns whether nothing is promised.
    pub const fn is_empty(&self) -> bool {
        self.public.is_none() && self.coordinator.is_none()
    }

    /// Makes targets with one promise only.
    pub const fn only(view: View, target: Target) -> Self {
        match view {
            View::Public => Self { public: Some(target), coordinator: None },
            View::Coordinator => Self { public: None, coordinator: Some(target) },
        }
    }
}

impl Unit {
    /// Both units, in the order of reports.
    pub const ALL: [Self; 2] = [Self::Person, Self::Participant];

    /// Returns the name used in configs, flags and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Participant => "participant",
        }
    }
}

impl View {
    /// Both views, in the order of reports.
    pub const ALL: [Self; 2] = [Self::Public, Self::Coordinator];

    /// Returns the name used in configs, flags and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Coordinator => "coordinator",
        }
    }
}

impl<T> Units<T> {
    /// Returns the value of one unit.
    pub const fn get(&self, unit: Unit) -> &T {
        match unit {
            Unit::Person => &self.person,
            Unit::Participant => &self.participant,
        }
    }
}

impl<T> Views<T> {
    /// Returns the value of one view.
    pub const fn get(&self, view: View) -> &T {
        match view {
            View::Public => &self.public,
            View::Coordinator => &self.coordinator,
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Unit {
    type Err = UnknownName;

    fn from_str(word: &str) -> Result<Self, UnknownName> {
        let unknown = || unknown("unit of privacy", "person or participant", word);
        Self::ALL.into_iter().find(|unit| unit.name() == word).ok_or_else(unknown)
    }
}

impl FromStr for View {
    type Err = UnknownName;

    fn from_str(word: &str) -> Result<Self, UnknownName> {
        let unknown = || unknown("view with a target", "public or coordinator", word);
        Self::ALL.into_iter().find(|view| view.name() == word).ok_or_else(unknown)
    }
}

fn unknown(what: &'static str, choices: &'static str, word: &str) -> UnknownName {
    UnknownName { what, choices, word: word.chars().take(40).collect() }
}
