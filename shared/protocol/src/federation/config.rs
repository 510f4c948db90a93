//! The federation's config, and event 0: the canonical form that every signed message refers to.

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use base::{clock::Millis, decimal::Decimal, identity::PublicIdentity, ids::Digest, schema::InstanceSchema};
use fhe::{ArgmaxKind, MAX_CLASSES, MAX_EXACT_CLASSES, ParameterSet, Scheme, Transform};
use privacy::{Delta, NoisePolicy, PrivacyTargets};
use tally::sharing::{Sharing, SharingError};

/// Config of a federation, which the operator writes before anybody enrols; unknown keys are refused.
#[derive(
    Debug, Clone, PartialEq, Serialize, Deserialize, BorshSerialize, BorshDeserialize, utoipa::ToSchema,
)]
#[serde(deny_unknown_fields)]
pub struct FederationConfig {
    /// Name for people.
    pub name: String,
    /// Class names in the order of their indices; 2 to 100 of them.
    pub classes: Vec<String>,
    /// Kind and shape of one instance.
    pub instances: InstanceSchema,
    /// How many trustees hold the key, and how many of them may be corrupt.
    #[serde(default)]
    pub trustees: TrusteePolicy,
    /// How many ballots a round needs.
    #[serde(default)]
    pub quorum: Quorum,
    /// Who draws how much noise, and how many participants are assumed honest.
    pub noise: NoisePolicy,
    /// The δ at which ε is stated, and the unit it protects.
    pub privacy: PrivacyPolicy,
    /// The circuit that finds the winner; of a sole trustee only, since several compute it exactly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub argmax: Option<ArgmaxKind>,
    /// When no label is given; without it every instance gets one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<ThresholdPolicy>,
    /// How the tally multiplies polynomials, `fused` or the faster `fused_pairs`; of a sole trustee only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transform: Option<Transform>,
    /// Uses tiny keys that protect nothing; for tests only, and of a sole trustee only.
    #[serde(default)]
    pub insecure_toy_parameters: bool,
}

/// Sharing of the decryption key: any `threshold` of the `count` trustees may be corrupt.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    BorshSerialize,
    BorshDeserialize,
    utoipa::ToSchema,
)]
#[serde(deny_unknown_fields)]
pub struct TrusteePolicy {
    /// Number of trustees, n.
    pub count: u8,
    /// Number of corrupt trustees that learn nothing, t.
    pub threshold: u8,
}

impl TrusteePolicy {
    /// Returns how the decryption key is shared, or nothing if one trustee holds it; refuses what is not supported, with
    /// the reason.
    pub fn sharing(self) -> Result<Option<Sharing>, SharingError> {
        if (self.count, self.threshold) == (1, 0) {
            return Ok(None);
        }
        Sharing::new(self.count, self.threshold).map(Some)
    }

    /// Returns whether one trustee holds the whole key.
    pub const fn is_sole(self) -> bool {
        self.count == 1
    }
}

impl Default for TrusteePolicy {
    fn default() -> Self {
        Self { count: 1, threshold: 0 }
    }
}

/// Rule by which an instance gets no label.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    BorshSerialize,
    BorshDeserialize,
    utoipa::ToSchema,
)]
#[serde(deny_unknown_fields)]
pub struct ThresholdPolicy {
    /// T: an instance whose noisy maximum is below so many votes is an abstention.
    pub votes: u32,
    /// Makes rounds of two steps: a first test with this noise, and labels only for what passes it. Without it the
    /// threshold is applied to the label's own noisy counts, and an abstention costs what a label costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<TestNoise>,
}

/// Noise of the first step of a two-step round, drawn by whoever draws that of the labels.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    BorshSerialize,
    BorshDeserialize,
    utoipa::ToSchema,
)]
#[serde(deny_unknown_fields)]
pub struct TestNoise {
    /// σ₁: the standard deviation, in votes, that the shares of the honest participants reach together.
    pub sigma: Decimal,
    /// σ₁ of the coordinator: the standard deviation, in votes, of its own noise.
    #[serde(default)]
    pub coordinator_sigma: Decimal,
}

/// Number of ballots that a round needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub enum Quorum {
    /// Every enrolled participant's ballot is needed.
    #[default]
    All,
    /// So many ballots are needed.
    AtLeast(u32),
}

impl Quorum {
    /// Returns the number of ballots needed among `enrolled` participants.
    pub fn of(self, enrolled: u32) -> u32 {
        match self {
            Self::All => enrolled,
            Self::AtLeast(ballots) => ballots,
        }
    }
}

impl Serialize for Quorum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str("all"),
            Self::AtLeast(ballots) => serializer.serialize_u32(*ballots),
        }
    }
}

impl<'de> Deserialize<'de> for Quorum {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Raw {
            Number(u32),
            Word(String),
        }
        match Raw::deserialize(deserializer)? {
            Raw::Number(ballots) => Ok(Self::AtLeast(ballots)),
            Raw::Word(word) if word == "all" => Ok(Self::All),
            Raw::Word(word) => {
                Err(D::Error::custom(format!("quorum \"{word}\" is neither a number nor \"all\"")))
            }
        }
    }
}

/// Form in which privacy is stated: unit, δ and targets.
#[derive(
    Debug, Clone, Copy, PartialEq, Serialize, Deserialize, BorshSerialize, BorshDeserialize, utoipa::ToSchema,
)]
#[serde(deny_unknown_fields)]
pub struct PrivacyPolicy {
    /// The δ of (ε, δ).
    pub delta: Delta,
    /// At how many participants one person may appear, m.
    #[serde(default = "one")]
    pub participants_per_person: u32,
    /// What all rounds together may cost; a round that would cost more is never announced.
    #[serde(default, skip_serializing_if = "PrivacyTargets::is_empty")]
    pub targets: PrivacyTargets,
}

const fn one() -> u32 {
    1
}

/// What in a federation's config cannot be accepted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ConfigError {
    /// The error that the circuit may make is no share.
    #[error("argmax = {{ within = {0} }}: it must be 1 to 100, in percent of the noise; 15 is the default")]
    ErrorShare(u8),
    /// The exact circuit does not bear the noise of pairs.
    #[error(
        "transform = \"fused_pairs\" adds noise that argmax = \"exact\" has no room for; set transform = \"fused\""
    )]
    ExactPairs,
    /// The text is not TOML of the expected form.
    #[error("the config cannot be read: {0}")]
    Syntax(String),
    /// The name is empty or too long.
    #[error("name \"{0}\" must have 1 to 80 characters")]
    Name(String),
    /// The number of classes is out of range.
    #[error("classes lists {found} names, expected {min} to {max}{why}")]
    ClassCount {
        /// Classes found.
        found: usize,
        /// Fewest.
        min: usize,
        /// Most.
        max: usize,
        /// Why the limit is lower than usual, or empty.
        why: &'static str,
    },
    /// A class name is empty or appears twice.
    #[error("class name \"{0}\" is empty or appears twice: every class needs a name of its own")]
    ClassName(String),
    /// The trustee policy is not offered.
    #[error("trustees: {0}, or (1, 0) for a sole trustee")]
    Trustees(#[from] SharingError),
    /// A setting of the homomorphic tally where there is none.
    #[error(
        "{0} is a setting of the sole trustee's tally: {1} trustees compute the argmax together, exactly and without it; \
         leave it out"
    )]
    SoleOnly(&'static str, u8),
    /// The noise policy is unusable.
    #[error("noise: {0}")]
    Noise(String),
    /// No person would be protected.
    #[error("privacy.participants_per_person = 0 must be at least 1")]
    ParticipantsPerPerson,
    /// The noise of the test is unusable.
    #[error("threshold.test: {0}")]
    TestNoise(String),
    /// The threshold is below every count.
    #[error("threshold.votes = 0 would abstain from nothing: leave [threshold] out, or use a number from 1")]
    Threshold,
    /// The quorum is zero.
    #[error("quorum = 0 would tally without ballots: use \"all\" or a number from 1")]
    Quorum,
}

const MIN_CLASSES: usize = 2;
const MAX_NAME: usize = 80;

impl FederationConfig {
    /// Reads and checks a config; the error names key, value and remedy.
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text).map_err(|e| ConfigError::Syntax(e.to_string()))?;
        config.check()?;
        Ok(config)
    }

    /// Checks everything that does not depend on who enrols.
    pub fn check(&self) -> Result<(), ConfigError> {
        if !(1..=MAX_NAME).contains(&self.name.chars().count()) {
            return Err(ConfigError::Name(self.name.chars().take(MAX_NAME + 1).collect()));
        }
        self.trustees.sharing()?;
        self.check_classes()?;
        self.check_circuit()?;
        if self.threshold.is_some_and(|threshold| threshold.votes == 0) {
            return Err(ConfigError::Threshold);
        }
        if self.quorum == Quorum::AtLeast(0) {
            return Err(ConfigError::Quorum);
        }
        self.noise.check().map_err(|e| ConfigError::Noise(e.to_string()))?;
        if let Some(noise) = self.test_noise() {
            noise.check().map_err(|e| ConfigError::TestNoise(e.to_string()))?;
        }
        if self.privacy.participants_per_person == 0 {
            return Err(ConfigError::ParticipantsPerPerson);
        }
        Ok(())
    }

    /// Refuses pairs under the exact circuit, whose comparisons have no room for the noise that they add.
    fn check_circuit(&self) -> Result<(), ConfigError> {
        let settings = [
            ("argmax", self.argmax.is_some()),
            ("transform", self.transform.is_some()),
            ("insecure_toy_parameters", self.insecure_toy_parameters),
        ];
        let set = settings.into_iter().find(|(_, is_set)| *is_set && !self.trustees.is_sole());
        if let Some((name, _)) = set {
            return Err(ConfigError::SoleOnly(name, self.trustees.count));
        }
        match (self.circuit(), self.transform()) {
            (ArgmaxKind::Exact, Transform::FusedPairs) => Err(ConfigError::ExactPairs),
            (ArgmaxKind::Within(percent), _) if !(1..=100).contains(&percent) => {
                Err(ConfigError::ErrorShare(percent))
            }
            _ => Ok(()),
        }
    }

    fn check_classes(&self) -> Result<(), ConfigError> {
        let (max, why) = match self.circuit() {
            ArgmaxKind::Exact => (MAX_EXACT_CLASSES, " with argmax = \"exact\""),
            ArgmaxKind::Tournament | ArgmaxKind::Within(_) => (MAX_CLASSES, ""),
        };
        let found = self.classes.len();
        if !(MIN_CLASSES..=max).contains(&found) {
            return Err(ConfigError::ClassCount { found, min: MIN_CLASSES, max, why });
        }
        let mut seen = BTreeSet::new();
        match self.classes.iter().find(|class| class.trim().is_empty() || !seen.insert(class.as_str())) {
            Some(class) => Err(ConfigError::ClassName(class.clone())),
            None => Ok(()),
        }
    }

    /// Returns the noise of the first step, for rounds of two steps.
    pub fn test_noise(&self) -> Option<NoisePolicy> {
        let TestNoise { sigma, coordinator_sigma } = self.threshold?.test?;
        Some(NoisePolicy { sigma, coordinator_sigma, ..self.noise })
    }

    /// Returns the circuit with which a sole trustee's coordinator finds the winner.
    pub fn circuit(&self) -> ArgmaxKind {
        self.argmax.unwrap_or_default()
    }

    /// Returns how that circuit multiplies polynomials.
    pub fn transform(&self) -> Transform {
        self.transform.unwrap_or_default()
    }

    /// Returns the set of cryptographic parameters in use; what encrypts ballots is the same in all of them.
    pub fn parameter_set(&self) -> ParameterSet {
        if self.insecure_toy_parameters {
            ParameterSet::InsecureToy
        } else {
            ParameterSet::of(self.circuit())
        }
    }

    /// Returns how a sole trustee's federation tallies.
    pub fn scheme(&self) -> Scheme {
        Scheme::new(self.parameter_set(), self.transform())
    }

    /// Lists every setting that weakens security, by the name it has in the config.
    pub fn insecure_settings(&self) -> Vec<&'static str> {
        let toy = self.insecure_toy_parameters.then_some("insecure_toy_parameters");
        toy.into_iter().chain(self.noise.mode.insecure_name()).collect()
    }

    /// Returns whether the keys may serve for one round only: without noise every label is a hint about them.
    pub fn throw_away_keys(&self) -> bool {
        !(self.noise.mode.has_participant_noise() || self.noise.mode.has_coordinator_noise())
    }
}

/// Event 0: the config, who coordinates, and when; its digest names the federation.
#[derive(
    Debug, Clone, PartialEq, Serialize, Deserialize, BorshSerialize, BorshDeserialize, utoipa::ToSchema,
)]
pub struct Founding {
    /// The operator's config.
    pub config: FederationConfig,
    /// The coordinator's public identity.
    pub coordinator: PublicIdentity,
    /// When the federation was founded.
    pub founded_at: Millis,
}

impl Founding {
    /// Returns the federation's hash.
    pub fn digest(&self) -> Digest {
        Digest::of_value("psephos/founding", self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::CONFIG;

    fn refusal(from: &str, to: &str) -> String {
        let text = CONFIG.replace(from, to);
        assert_ne!(text, CONFIG, "the scene must change something");
        FederationConfig::from_toml(&text).map(|_| String::new()).unwrap_or_else(|e| e.to_string())
    }

    #[test]
    fn the_error_of_the_circuit_is_a_share_in_percent() {
        let with = |share: u32| {
            let argmax = format!("quorum = \"all\"\nargmax = {{ within = {share} }}");
            FederationConfig::from_toml(&CONFIG.replace("quorum = \"all\"", &argmax))
        };
        assert_eq!(with(30).unwrap().argmax, Some(ArgmaxKind::Within(30)));
        for share in [0, 101] {
            let message = with(share).unwrap_err().to_string();
            assert!(message.contains("must be 1 to 100, in percent of the noise"), "{message}");
        }
        assert!(with(300).is_err());
    }

    #[test]
    fn what_cannot_be_accepted_is_named_with_its_remedy() {
        let cases = [
            ("[\"a\", \"b\", \"c\"]", "[\"a\"]", "classes lists 1 names, expected 2 to 100"),
            ("\"b\"", "\"a\"", "class name \"a\" is empty or appears twice"),
            ("kind = \"table\"", "kind = \"video\"", "video"),
            ("shape = [4]", "shape = [0]", "shape"),
            ("quorum = \"all\"", "quorum = \"most\"", "quorum \"most\" is neither a number nor \"all\""),
            ("quorum = \"all\"", "quorum = 0", "quorum = 0 would tally without ballots"),
            ("quorum", "quorom", "unknown field `quorom`"),
            ("sigma = 6", "sigma = nan", "nan"),
            ("\"0.7\"", "\"1.2\"", "1.2"),
            ("coordinator_sigma = 4", "coordinator_sigma = 0", "coordinator_sigma"),
            ("delta = 1e-5", "delta = 0", "delta"),
            ("delta = 1e-5", "delta = 1e-5\nparticipants_per_person = 0", "participants_per_person = 0"),
            (
                "[noise]",
                "[threshold]\nvotes = 0\n\n[noise]",
                "threshold.votes = 0 would abstain from nothing",
            ),
            ("[noise]", "[trustees]\ncount = 3\nthreshold = 2\n\n[noise]", "or (1, 0) for a sole trustee"),
            (
                "[noise]",
                "[trustees]\ncount = 3\nthreshold = 1\n\n[noise]",
                "insecure_toy_parameters is a setting of the sole trustee's tally",
            ),
        ];
        for (from, to, expected) in cases {
            let message = refusal(from, to);
            assert!(message.contains(expected), "{to}: {message}");
        }
        let classes: Vec<String> = (0..17).map(|i| format!("\"{i}\"")).collect();
        let many = format!("[{}]", classes.join(", "));
        let exact =
            CONFIG.replace("quorum = \"all\"", "argmax = \"exact\"").replace("[\"a\", \"b\", \"c\"]", &many);
        let message = FederationConfig::from_toml(&exact).unwrap_err().to_string();
        assert!(message.contains("expected 2 to 16 with argmax = \"exact\""), "{message}");
    }

    #[test]
    fn several_trustees_take_no_setting_of_the_homomorphic_tally() {
        let shared = crate::testing::shared_config((4, 1), "");
        assert!(FederationConfig::from_toml(&shared).is_ok());
        for setting in ["argmax = \"exact\"", "transform = \"fused\"", "insecure_toy_parameters = true"] {
            let text = shared.replace("quorum = \"all\"", &format!("quorum = \"all\"\n{setting}"));
            let message = FederationConfig::from_toml(&text).unwrap_err().to_string();
            assert!(message.contains("4 trustees compute the argmax together, exactly"), "{message}");
        }
    }

    #[test]
    fn every_weakening_is_listed_by_its_name() {
        let config = FederationConfig::from_toml(CONFIG).unwrap();
        assert_eq!(config.insecure_settings(), ["insecure_toy_parameters"]);
        let text = CONFIG.replace("insecure_toy_parameters = true\n", "").replace(
            "sigma = 6\ncoordinator_sigma = 4",
            "sigma = 0\ncoordinator_sigma = 0\nmode = \"insecure_no_noise\"",
        );
        let silent = FederationConfig::from_toml(&text).unwrap();
        assert_eq!(silent.insecure_settings(), ["insecure_no_noise"]);
        assert!(silent.throw_away_keys() && !config.throw_away_keys());
    }

    #[test]
    fn the_federation_hash_changes_with_every_setting() {
        let founding = |text: &str| Founding {
            config: FederationConfig::from_toml(text).unwrap(),
            coordinator: PublicIdentity::from_bytes([7; 32]),
            founded_at: Millis(1),
        };
        let original = founding(CONFIG).digest();
        assert_eq!(founding(CONFIG).digest(), original);
        for (from, to) in
            [("sigma = 6", "sigma = 7"), ("\"c\"]", "\"d\"]"), ("\"all\"", "3"), ("1e-5", "1e-6")]
        {
            assert_ne!(founding(&CONFIG.replacen(from, to, 1)).digest(), original, "{to}");
        }
    }
}
