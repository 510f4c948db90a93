//! What a story's federation looks like.

use base::decimal::Decimal;
use privacy::{Delta, NoiseMode, NoisePolicy, PrivacyTargets};
use protocol::federation::{FederationConfig, PrivacyPolicy, Quorum, TrusteePolicy};

use crate::data;

/// A federation to be: its config, and who takes part with which data.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The federation's config.
    pub config: FederationConfig,
    /// Number of participants.
    pub participants: usize,
    /// Teachers of each participant.
    pub teachers: u32,
    /// Labelled persons of each participant; each has four records.
    pub persons: usize,
    /// Seconds between two heartbeats of an agent.
    pub poll_seconds: f64,
    /// Further options of `coordinator serve`.
    pub serve: Vec<String>,
    /// Whether everything goes through a recorder.
    pub is_recorded: bool,
}

impl Plan {
    /// Plans three participants with three teachers each, five classes and toy parameters: fast, and protecting
    /// nothing.
    pub fn toy() -> anyhow::Result<Self> {
        let mut plan = Self::full()?;
        plan.config.insecure_toy_parameters = true;
        Ok(plan)
    }

    /// Plans the same federation with the secure parameters.
    pub fn full() -> anyhow::Result<Self> {
        let config = FederationConfig {
            name: "a story".to_owned(),
            classes: data::class_names(5),
            instances: data::schema(5)?,
            trustees: TrusteePolicy::default(),
            quorum: Quorum::All,
            noise: NoisePolicy {
                sigma: Decimal::from_whole(3)?,
                coordinator_sigma: Decimal::from_whole(2)?,
                honest_fraction: Decimal::from_float(0.7)?,
                mode: NoiseMode::Both,
            },
            privacy: PrivacyPolicy {
                delta: Delta::try_from(1e-5)?,
                participants_per_person: 1,
                targets: PrivacyTargets::default(),
            },
            argmax: None,
            threshold: None,
            transform: None,
            insecure_toy_parameters: false,
        };
        Ok(Self {
            config,
            participants: 3,
            teachers: 3,
            persons: 60,
            poll_seconds: 0.1,
            serve: Vec::new(),
            is_recorded: false,
        })
    }

    /// Changes the number of classes.
    pub fn with_classes(mut self, classes: usize) -> anyhow::Result<Self> {
        self.config.classes = data::class_names(classes);
        self.config.instances = data::schema(classes)?;
        Ok(self)
    }

    /// Shares the key among so many trustees, of which `threshold` may be corrupt; the first participants are they.
    #[must_use]
    pub fn with_trustees(mut self, count: u8, threshold: u8) -> Self {
        self.config.trustees = TrusteePolicy { count, threshold };
        // They tally exactly and fast, with the parameters that there are.
        (self.config.argmax, self.config.insecure_toy_parameters) = (None, false);
        self.participants = self.participants.max(usize::from(count));
        self
    }

    /// Keeps every request and answer.
    #[must_use]
    pub const fn recorded(mut self) -> Self {
        self.is_recorded = true;
        self
    }

    /// Passes further options to `coordinator serve`.
    #[must_use]
    pub fn serving(mut self, options: &[&str]) -> Self {
        self.serve.extend(options.iter().map(|option| (*option).to_owned()));
        self
    }

    /// Changes the quorum from all to a number of ballots.
    #[must_use]
    pub fn with_quorum(mut self, ballots: u32) -> Self {
        self.config.quorum = Quorum::AtLeast(ballots);
        self
    }

    /// Returns the number of classes.
    pub fn classes(&self) -> usize {
        self.config.classes.len()
    }
}
