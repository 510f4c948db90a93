//! The demo's options.

use std::path::PathBuf;

use anyhow::ensure;
use base::decimal::Decimal;
use clap::{Parser, ValueEnum};
use privacy::NoiseMode;
use protocol::federation::TrusteePolicy;

/// Runs a whole federation on this machine: data, teachers, one encrypted round, a student, and what it cost.
#[derive(Debug, Clone, Parser)]
#[command(name = "demo", version)]
#[command(
    after_help = "Examples:\n  scripts/demo.sh\n  scripts/demo.sh --data ../shared/data/mnist --instances 500 \
    --format json\n  scripts/demo.sh --data-kind bank --participants 8\n  scripts/demo.sh --noise participants --sigma 20\n  scripts/demo.sh --trustees 3,1\n  \
    scripts/demo.sh --trustees 4,1 --stop-trustees 1\n  scripts/demo.sh --trustees 1,0 --instances 20\n\nExit codes: 0 done, 1 the job failed, 4 wrong \
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
    /// Labelled data to split (see docs/DATA.md); synthetic data of --data-kind by default
    #[arg(long, value_name = "PATH", conflicts_with = "data_kind")]
    pub data: Option<PathBuf>,
    /// Synthetic data to make: electrocardiogram beats of hospitals, or transactions of banks
    #[arg(long, value_enum, default_value_t = DataKind::Ecg)]
    pub data_kind: DataKind,
    /// σ: noise in votes that the honest participants reach together
    #[arg(long, default_value = "16")]
    pub sigma: Decimal,
    /// σ_c: the coordinator's own noise in votes
    #[arg(long, default_value = "8")]
    pub coordinator_sigma: Decimal,
    /// Who draws noise; `participants` sets σ_c to 0, the insecure modes also σ or both
    #[arg(long, value_enum, default_value_t = Noise::Both)]
    pub noise: Noise,
    /// Promises that all labels together cost one person at most so much ε in the public view; a round beyond it is refused
    #[arg(long, value_name = "EPSILON")]
    pub promise: Option<Decimal>,
    /// Trustees and how many of them may be corrupt: 1,0 or 3,1 or 4,1 or 5,2; the first participants are they. By default
    /// 4,1 with four participants or more, 3,1 with three, 1,0 below and with toy parameters
    #[arg(long, value_parser = trustees, value_name = "N,T")]
    trustees: Option<TrusteePolicy>,
    /// Stops so many trustees when all ballots are in, to show what becomes of the round
    #[arg(long, default_value_t = 0, value_name = "K")]
    pub stop_trustees: u8,
    /// Seed of data and training, never of keys or noise
    #[arg(long, default_value_t = 1)]
    pub seed: u32,
    /// Keeps the folder with all data, homes and logs, and leaves everything running until Ctrl-C, with the dashboard
    /// and a token to watch it
    #[arg(long)]
    pub keep: bool,
    /// Form of what is printed at the end
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Uses tiny keys that protect nothing, for quick tests
    #[arg(long)]
    pub insecure_toy_parameters: bool,
}

/// Parses trustees and threshold, and says why others than the supported ones are refused.
fn trustees(text: &str) -> Result<TrusteePolicy, String> {
    let numbers =
        text.split_once(',').and_then(|(n, t)| Some((n.trim().parse().ok()?, t.trim().parse().ok()?)));
    let (count, threshold) =
        numbers.ok_or_else(|| format!("\"{text}\" is not of the form N,T, such as 3,1"))?;
    let policy = TrusteePolicy { count, threshold };
    policy.sharing().map_err(|e| e.to_string())?;
    Ok(policy)
}

/// A kind of synthetic data, and of whom it tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DataKind {
    /// Electrocardiogram beats, at hospitals.
    Ecg,
    /// Bank transactions, a table with typed columns, at banks.
    Bank,
}

impl DataKind {
    /// Returns the word by which `participant data generate` knows it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ecg => "ecg",
            Self::Bank => "bank",
        }
    }

    /// Returns what a participant is called, before its number.
    pub const fn institution(self) -> &'static str {
        match self {
            Self::Ecg => "hospital",
            Self::Bank => "bank",
        }
    }

    /// Returns what is made, of whom.
    pub const fn story(self) -> &'static str {
        match self {
            Self::Ecg => "synthetic electrocardiogram beats of",
            Self::Bank => "synthetic bank transactions of",
        }
    }
}

/// Who draws noise, as the option spells it.
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

/// Form of what is printed at the end.
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
    /// Refuses options that contradict each other.
    pub fn check(&self) -> anyhow::Result<()> {
        let TrusteePolicy { count, .. } = self.trustees();
        ensure!(
            count == 1 || !self.insecure_toy_parameters,
            "--insecure-toy-parameters belongs to a sole trustee: leave it out, {count} trustees are as fast without"
        );
        ensure!(
            self.participants >= u32::from(count),
            "--trustees asks for {count} trustees, but there are {} participants: add --participants {count}",
            self.participants
        );
        ensure!(
            self.stop_trustees < count,
            "--stop-trustees {} leaves none of the {count} trustees: stop fewer",
            self.stop_trustees
        );
        Ok(())
    }

    /// Returns who shares the key.
    pub fn trustees(&self) -> TrusteePolicy {
        let (count, threshold) = match self.participants {
            _ if self.insecure_toy_parameters => (1, 0),
            0..=2 => (1, 0),
            3 => (3, 1),
            _ => (4, 1),
        };
        self.trustees.unwrap_or(TrusteePolicy { count, threshold })
    }

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
        let trustees = |text: &str| Arguments::try_parse_from(["demo", "--trustees", text]);
        assert_eq!(trustees("3,1")?.trustees(), TrusteePolicy { count: 3, threshold: 1 });
        for (participants, expected) in [("2", (1, 0)), ("3", (3, 1)), ("4", (4, 1)), ("9", (4, 1))] {
            let chosen = Arguments::try_parse_from(["demo", "--participants", participants])?.trustees();
            assert_eq!((chosen.count, chosen.threshold), expected, "{participants} participants");
        }
        let toy = ["demo", "--insecure-toy-parameters"];
        assert_eq!(Arguments::try_parse_from(toy)?.trustees().count, 1);
        let both = Arguments::try_parse_from([toy[0], toy[1], "--trustees", "3,1"])?;
        assert!(both.check().is_err_and(|refused| refused.to_string().contains("as fast without")));
        let bank = Arguments::try_parse_from(["demo", "--data-kind", "bank"])?;
        assert_eq!(bank.data_kind, DataKind::Bank);
        assert!(Arguments::try_parse_from(["demo", "--data-kind", "bank", "--data", "mnist"]).is_err());
        assert!(Arguments::try_parse_from(["demo", "--data", "mnist"]).is_ok());
        assert!(trustees("3,2").is_err() && trustees("three").is_err());
        assert!(
            Arguments::try_parse_from(["demo", "--participants", "2", "--trustees", "3,1"])?.check().is_err()
        );
        Ok(())
    }
}
