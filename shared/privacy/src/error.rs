//! Why a noise policy is refused.

use super::policy::NoiseMode;
use base::decimal::Decimal;

/// Why a noise policy does not fit a roster and quorum.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoiseError {
    /// τ lies outside (0, 1].
    #[error(
        "honest fraction {0} is outside (0, 1]: give the fraction of participants that does not collude, \
         such as 0.7"
    )]
    HonestFraction(Decimal),
    /// More ballots are asked for than participants exist.
    #[error(
        "quorum {quorum} exceeds the {enrolled} enrolled participants: lower the quorum to at most \
         {enrolled} or enrol more"
    )]
    QuorumAboveRoster {
        /// The quorum asked for.
        quorum: u32,
        /// The number of enrolled participants.
        enrolled: u32,
    },
    /// The colluding participants could fill the quorum by themselves.
    #[error(
        "quorum {quorum} leaves no honest ballot: with honest fraction {honest_fraction} up to {colluding} of \
         {enrolled} participants may collude, so the quorum must be at least {}{}",
        .colluding + 1, or_honest_fraction(*.quorum, *.enrolled)
    )]
    QuorumNotHonest {
        /// The quorum asked for.
        quorum: u32,
        /// The number of participants that may collude.
        colluding: u32,
        /// The number of enrolled participants.
        enrolled: u32,
        /// The honest fraction τ.
        honest_fraction: Decimal,
    },
    /// The shares would be too small for their sum to be safely Gaussian.
    #[error(
        "sigma {sigma} gives each of {honest} honest shares a size below 1.5, too small for their sum to be \
         safely gaussian: for {enrolled} participants, quorum {quorum} and honest fraction \
         {honest_fraction} the smallest sigma is {smallest}"
    )]
    ShareTooSmall {
        /// The σ asked for.
        sigma: Decimal,
        /// The smallest σ that is accepted for the same roster, quorum and honest fraction.
        smallest: Decimal,
        /// The number of honest ballots that are always counted.
        honest: u32,
        /// The number of enrolled participants.
        enrolled: u32,
        /// The quorum.
        quorum: u32,
        /// The honest fraction τ.
        honest_fraction: Decimal,
    },
    /// The coordinator's own noise would be too small for the sum to be safely Gaussian.
    #[error(
        "coordinator_sigma {0} is below 1.5, too small for the sum of all noise to be safely \
         gaussian: give 1.5 or more, or 0 with mode `participants`"
    )]
    CoordinatorSigmaTooSmall(Decimal),
    /// A standard deviation is larger than any federation can use.
    #[error("{name} {value} is above 1000000 votes: give a smaller standard deviation")]
    SigmaTooLarge {
        /// The setting's name in the config.
        name: &'static str,
        /// The value given.
        value: Decimal,
    },
    /// The mode excludes noise that the policy asks for.
    #[error("noise mode `{mode}` excludes {name}, which is {value}: set {name} to 0 or choose another mode")]
    ModeExcludesNoise {
        /// The mode given.
        mode: NoiseMode,
        /// The setting's name in the config.
        name: &'static str,
        /// The value given.
        value: Decimal,
    },
    /// The mode needs noise that the policy leaves at zero.
    #[error("noise mode `{mode}` needs {name} above 0: raise it or choose another mode")]
    ModeNeedsNoise {
        /// The mode given.
        mode: NoiseMode,
        /// The setting's name in the config.
        name: &'static str,
    },
}

/// Returns, in words, the smallest honest fraction that a quorum allows: τ with (1 − τ)·N < q, in millionths.
fn or_honest_fraction(quorum: u32, enrolled: u32) -> String {
    if quorum == 0 || enrolled == 0 {
        return String::new();
    }
    let colluding = (u64::from(quorum) * Decimal::SCALE).div_ceil(u64::from(enrolled)) - 1;
    let smallest = Decimal::from_millionths(Decimal::SCALE.saturating_sub(colluding));
    smallest.map_or(String::new(), |smallest| format!(" or the honest fraction at least {smallest}"))
}
