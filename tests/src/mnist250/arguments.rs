//! The options of `scripts/mnist250.sh`.

use std::path::PathBuf;

use base::decimal::Decimal;
use clap::{Parser, ValueEnum};

use crate::demo::Format;

/// Lets 250 participants label MNIST through a real coordinator, trains a student and measures both.
///
/// Teachers learn from the 60 000 training images. The first 9 000 test images are the unlabeled pool, the last 1 000
/// measure the student. No true label of either is seen by anything but the measurement.
#[derive(Debug, Clone, Parser)]
#[command(name = "mnist250", version)]
#[command(
    after_help = "Examples:\n  scripts/mnist250.sh --data ../shared/data/mnist --format json\n  scripts/mnist250.sh \
    --data ../shared/data/mnist --labels 286 --seeds 3\n  scripts/mnist250.sh --data ../shared/data/mnist --partition \
    skew:0.3 --threshold 100 --test-sigma 60\n\nExit codes: 0 done, 1 the job failed, 4 wrong arguments, 130 \
    interrupted."
)]
pub struct Arguments {
    /// Folder with MNIST's four files
    #[arg(long, value_name = "PATH")]
    pub data: PathBuf,
    /// Number of participants
    #[arg(long, default_value_t = 250, value_parser = clap::value_parser!(u32).range(2..=1000))]
    pub participants: u32,
    /// Instances of the pool that are asked about
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=9000))]
    pub labels: u32,
    /// σ: noise in votes that the participants reach together; the coordinator draws none
    #[arg(long, default_value = "40")]
    pub sigma: Decimal,
    /// How the instances are chosen
    #[arg(long, value_enum, default_value_t = Selection::Learnt)]
    pub selection: Selection,
    /// How the training data is dealt: hashed, or as a simulation skew:ALPHA
    #[arg(long, default_value = "hashed", value_name = "HOW")]
    pub partition: String,
    /// T: votes that a class needs for a label, noise included; every instance gets one by default
    #[arg(long)]
    pub threshold: Option<u32>,
    /// Makes the rounds two-step ones, whose test has so much noise
    #[arg(long, requires = "threshold")]
    pub test_sigma: Option<Decimal>,
    /// Settings of the student (TOML)
    #[arg(long, value_name = "FILE")]
    pub recipe: Option<PathBuf>,
    /// How often each teacher sees its images [default: the fleet's]
    #[arg(long)]
    pub epochs: Option<u32>,
    /// Runs everything so many times, each with the next seed, and gives the median
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub seeds: u32,
    /// First seed of data and training, never of keys or noise
    #[arg(long, default_value_t = 1)]
    pub seed: u32,
    /// Compares the encrypted argmax with the plain one on the votes about the whole pool, with so many draws of the noise
    #[arg(long, default_value_t = 0, value_name = "DRAWS")]
    pub circuit: u32,
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

/// How the instances are chosen, without any true label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Selection {
    /// The middles of groups of similar instances.
    Typical,
    /// The same, in features that are learnt from the pool.
    Learnt,
    /// Any.
    Random,
}

impl Selection {
    /// Returns the word that the command line takes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Typical => "typical",
            Self::Learnt => "learnt",
            Self::Random => "random",
        }
    }
}

impl Arguments {
    /// Lists the seeds of the runs.
    pub fn seeds(&self) -> impl Iterator<Item = u32> {
        (0..self.seeds).map(|number| self.seed.wrapping_add(number))
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_options_are_consistent_and_seeds_follow_one_another() -> anyhow::Result<()> {
        Arguments::command().debug_assert();
        let arguments =
            Arguments::try_parse_from(["mnist250", "--data", "x", "--seeds", "3", "--seed", "7"])?;
        assert_eq!(arguments.seeds().collect::<Vec<_>>(), [7, 8, 9]);
        let alone = ["mnist250", "--data", "x", "--test-sigma", "60"];
        assert!(Arguments::try_parse_from(alone).is_err(), "a test needs a threshold");
        Ok(())
    }
}
