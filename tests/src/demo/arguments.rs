//! The demo's options.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use shared::{decimal::Decimal, privacy::NoiseMode};

/// Runs a whole federation on this machine: data, teachers, one encrypted round, a student, and what it cost.
#[derive(Debug, Clone, Parser)]
#[command(name = "demo", version)]
#[command(
    after_help = "Examples:\n  scripts/demo.sh\n  scripts/demo.sh --data ../shared/data/mnist --instances 500 \
    --format json\n  scripts/demo.sh --noise participants --sigma 20\n\nExit codes: 0 done, 1 the job failed, 4 wrong \
    arguments, 130 interrupted."
)]
pub struct Arguments {
    /// Number of participants
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub participants: u32,
    /// Teachers of each participant
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub teachers: u32,
    /// Instances of the round
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub instances: u32,
    /// Labelled data to split (see docs/DATA.md); synthetic electrocardiogram beats by default
    #[arg(long, value_name = "PATH")]
    pub data: Option<PathBuf>,
    /// σ: noise in votes that the honest participants reach together
    #[arg(long, default_value = "16")]
    pub sigma: Decimal,
    /// σ_c: the coordinator's own noise in votes
    #[arg(long, default_value = "8")]
    pub coordinator_sigma: Decimal,
    /// Who draws noise; `participants` sets σ_c to 0, the insecure modes also σ or both
    #[arg(long, value_enum, default_value_t = Noise::Both)]
    pub noise: Noise,
    /// Seed of data and training, never of keys or noise
    #[arg(long, default_value_t = 1)]
    pub seed: u32,
    /// Keeps the folder with all data, homes and logs, and says where it is
    #[arg(long)]
    pub keep: bool,
    /// Form of what is printed at the end
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Uses tiny keys that protect nothing, for quick tests
    #[arg(long)]
    pub insecure_toy_parameters: bool,
}

/// Is who draws noise, as the option spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Noise {
    /// The participants and the coordinator.
    Both,
    /// The participants alone.
    Participants,
    /// The coordinator alone: it knows all the noise.
    InsecureCoordinatorNoiseOnly,
    /// Nobody.
    InsecureNoNoise,
}

/// Is the form of what is printed at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A short story.
    Text,
    /// One JSON object.
    Json,
}

impl Noise {
    /// Returns the mode of the federation's config.
    pub const fn mode(self) -> NoiseMode {
        match self {
            Self::Both => NoiseMode::Both,
            Self::Participants => NoiseMode::Participants,
            Self::InsecureCoordinatorNoiseOnly => NoiseMode::InsecureCoordinatorNoiseOnly,
            Self::InsecureNoNoise => NoiseMode::InsecureNoNoise,
        }
    }
}

impl Arguments {
    /// Returns σ and σ_c as the mode permits them.
    pub const fn sigmas(&self) -> (Decimal, Decimal) {
        let mode = self.noise.mode();
        let sigma = if mode.has_participant_noise() { self.sigma } else { Decimal::ZERO };
        let coordinator_sigma =
            if mode.has_coordinator_noise() { self.coordinator_sigma } else { Decimal::ZERO };
        (sigma, coordinator_sigma)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_options_are_consistent_and_a_noise_mode_decides_the_sigmas() -> anyhow::Result<()> {
        Arguments::command().debug_assert();
        let sigmas = |noise: &str| Arguments::try_parse_from(["demo", "--noise", noise]).map(|a| a.sigmas());
        let whole = Decimal::from_whole;
        assert_eq!(sigmas("both")?, (whole(16)?, whole(8)?));
        assert_eq!(sigmas("participants")?, (whole(16)?, Decimal::ZERO));
        assert_eq!(sigmas("insecure_coordinator_noise_only")?, (Decimal::ZERO, whole(8)?));
        assert_eq!(sigmas("insecure_no_noise")?, (Decimal::ZERO, Decimal::ZERO));
        assert!(sigmas("none").is_err(), "an insecure mode has its insecure name only");
        Ok(())
    }
}
