//! The verbs and their options, as `--help` shows them.

use std::path::PathBuf;

use base::{
    fingerprint::Fingerprint,
    ids::{Digest, RoundId},
};
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use learning::NetworkConfig;

use super::fleet::FleetArguments;

/// Labels data together with other institutions, without showing anyone a vote.
#[derive(Debug, Parser)]
#[command(name = "participant", version, propagate_version = true)]
#[command(after_help = "Exit codes: 0 done, 1 the job failed, 2 connection or authorisation, 3 time-out, \
                        4 wrong arguments or config, 5 a bug.")]
pub struct Cli {
    /// Folder of this participant's config, secrets, teachers and state.
    #[arg(
        long,
        global = true,
        env = "PSEPHOS_PARTICIPANT_HOME",
        default_value = "./participant-home",
        value_name = "DIR"
    )]
    pub home: PathBuf,
    /// How facts are printed.
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Form in which facts are printed on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Lines for people.
    Text,
    /// One JSON value.
    Json,
}

/// A verb of the program.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Makes a new home: config, identity and keys of its own.
    #[command(after_help = "Example:\n  participant init --home st-mary --name st-mary \
        --coordinator https://labels.example.org --data /srv/beats --teachers 20")]
    Init(InitArguments),
    /// Makes a home from the kit that the operator sent, and enrols it.
    #[command(
        after_help = "Example:\n  participant kit open st-mary.kit.tar.gz --home st-mary --data /srv/beats"
    )]
    Kit(KitArguments),
    /// Enrols this institution with the invite that the operator sent.
    #[command(after_help = "Example:\n  participant enroll --invite-file invite.txt\n\n\
        A secret on the command line is seen by other users of this machine: prefer the file or the variable.")]
    Enroll(EnrollArguments),
    /// Shows federation and roster in words, and approves them.
    #[command(after_help = "Example:\n  participant approve\n  participant approve --yes --format json")]
    Approve(ApproveArguments),
    /// Trains the teachers, one on each shard of the private data.
    #[command(after_help = "Example:\n  participant train\n  participant train --force")]
    Train(TrainArguments),
    /// Runs the agent: votes in announced rounds, and serves as trustee if this institution is one.
    #[command(after_help = "Example:\n  participant run --home st-mary")]
    Run,
    /// Runs many participants in one process, for simulation, load and demos.
    #[command(
        after_help = "Example:\n  coordinator invite --count 250 --prefix hospital --format json > invites.json\n  \
        participant fleet --coordinator http://127.0.0.1:7400 --invites invites.json --homes homes --data mnist \
        --participants 250 --seed 1 --approve"
    )]
    Fleet(FleetArguments),
    /// Checks a transcript: one line per named check, each with what it proves.
    #[command(after_help = "Example:\n  participant verify transcript-2026-11\n  \
        participant verify transcript-2026-11 --strict --format json\n  \
        participant verify https://labels.example.org --home st-mary\n\n\
        Exit code 0 if no check failed, 1 if one did; what could not be checked is said, and counts with --strict.")]
    Verify(VerifyArguments),
    /// Checks this machine, the home, the data, the teachers and the way to the coordinator; says what to fix.
    #[command(after_help = "Example:\n  participant doctor --home st-mary\n\n\
        It votes on one record of the own data and throws the ballot away: nothing of it is sent.\n\
        Exit code 0 if nothing failed, 1 if something did, 2 if only the connection did.")]
    Doctor,
    /// Checks the config and shows every setting with where it comes from.
    #[command(after_help = "Example:\n  participant config check --home st-mary")]
    Config(ConfigArguments),
    /// Prints completions for a shell.
    #[command(after_help = "Example:\n  participant completions bash > /etc/bash_completion.d/participant")]
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Shows what this home is, has approved, and waits for.
    #[command(after_help = "Example:\n  participant status --format json")]
    Status,
    /// Shows every round this institution was asked to vote in, or decides about one.
    #[command(
        after_help = "Example:\n  participant rounds\n  participant rounds approve 00112233445566778899aabbccddeeff"
    )]
    Rounds(RoundsArguments),
    /// Takes part in sharing the decryption key among several trustees.
    #[command(
        after_help = "Example:\n  participant trustee approve\n  participant trustee backup roots.psebk"
    )]
    Trustee(TrusteeArguments),
    /// Shows what the rounds voted in have cost, and the institution's own cap.
    #[command(after_help = "Example:\n  participant ledger show --format json\n\n\
        The cap is [limits] epsilon and participant_epsilon in participant.toml.")]
    Ledger(LedgerArguments),
    /// Verifies that the coordinator counted the ballots it signed for.
    #[command(after_help = "Example:\n  participant receipt verify")]
    Receipt(ReceiptArguments),
    /// Makes synthetic data, or splits data for a whole federation.
    #[command(after_help = "Example:\n  participant data generate --out beats\n  \
        participant data split --data beats --participants 5 --out split")]
    Data(DataArguments),
}

/// Options of `init`.
#[derive(Debug, Args)]
pub struct InitArguments {
    /// Name for people, the same as in the invite.
    #[arg(long)]
    pub name: String,
    /// Address of the coordinator.
    #[arg(long, value_name = "URL")]
    pub coordinator: String,
    /// Fingerprint of the certificate to which the coordinator's chain must lead, such as sha256:0123….
    #[arg(long, value_name = "SHA256")]
    pub fingerprint: Option<Fingerprint>,
    /// File or folder of the private, labelled data.
    #[arg(long, value_name = "PATH")]
    pub data: PathBuf,
    /// Number of teachers, k; each learns from a shard of its own.
    #[arg(long, value_name = "K")]
    pub teachers: u32,
    /// Seed of the training, never of keys or noise; drawn at random by default.
    #[arg(long)]
    pub seed: Option<u32>,
    /// Network of the teachers; by default what suits the federation's instances.
    #[arg(long, value_enum)]
    pub model: Option<Model>,
    /// Asks a person before each round.
    #[arg(long)]
    pub ask: bool,
    /// Seconds between two heartbeats.
    #[arg(long, value_name = "SECONDS")]
    pub poll_seconds: Option<f64>,
    /// Permits plain http to another machine, where anyone on the way reads the token.
    #[arg(long)]
    pub insecure_http: bool,
}

/// A network that teachers may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Model {
    /// Fully connected layers.
    Mlp,
    /// A convolutional network for images.
    Cnn,
    /// A convolutional network for signals.
    Cnn1d,
}

impl Model {
    /// Returns the network with its default layers.
    pub(super) fn network(self) -> NetworkConfig {
        match self {
            Self::Mlp => NetworkConfig::Mlp(Default::default()),
            Self::Cnn => NetworkConfig::Cnn(Default::default()),
            Self::Cnn1d => NetworkConfig::Cnn1d(Default::default()),
        }
    }
}

/// Options of `enroll`.
#[derive(Debug, Args)]
pub struct EnrollArguments {
    /// The invite's secret.
    #[arg(long, env = "PSEPHOS_INVITE", hide_env_values = true, value_name = "SECRET")]
    pub invite: Option<String>,
    /// File that holds the invite's secret.
    #[arg(long, value_name = "FILE", conflicts_with = "invite")]
    pub invite_file: Option<PathBuf>,
}

/// The verb of `kit`.
#[derive(Debug, Args)]
pub struct KitArguments {
    /// What to do.
    #[command(subcommand)]
    pub command: KitCommand,
}

/// A verb of `kit`.
#[derive(Debug, Subcommand)]
pub enum KitCommand {
    /// Makes a home with keys of its own, pins the coordinator's certificate, and enrols.
    #[command(
        after_help = "Example:\n  participant kit open st-mary.kit.tar.gz --home st-mary --data /srv/beats\n\n\
        A kit decides nothing of what runs here: only name, address, fingerprint and invite are taken from it."
    )]
    Open(KitOpenArguments),
}

/// Options of `kit open`.
#[derive(Debug, Args)]
pub struct KitOpenArguments {
    /// The kit, NAME.kit.tar.gz.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// File or folder of the private, labelled data.
    #[arg(long, value_name = "PATH")]
    pub data: PathBuf,
    /// Number of teachers, k; by default what the operator suggests.
    #[arg(long, value_name = "K")]
    pub teachers: Option<u32>,
    /// Asks a person before each round.
    #[arg(long)]
    pub ask: bool,
    /// Seconds between two heartbeats.
    #[arg(long, value_name = "SECONDS")]
    pub poll_seconds: Option<f64>,
    /// Permits plain http to another machine, where anyone on the way reads the token.
    #[arg(long)]
    pub insecure_http: bool,
}

/// The verb of `config`.
#[derive(Debug, Args)]
pub struct ConfigArguments {
    /// What to do.
    #[command(subcommand)]
    pub command: ConfigCommand,
}

/// A verb of `config`.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum ConfigCommand {
    /// Prints every error with its place and remedy, and every setting with where it comes from.
    #[command(after_help = "Example:\n  participant config check --home st-mary --format json")]
    Check,
}

/// Options of `approve`.
#[derive(Debug, Args)]
pub struct ApproveArguments {
    /// Approves without asking.
    #[arg(long)]
    pub yes: bool,
}

/// Options of `train`.
#[derive(Debug, Args)]
pub struct TrainArguments {
    /// Trains even if nothing changed.
    #[arg(long)]
    pub force: bool,
}

/// The verb of `rounds`.
#[derive(Debug, Args)]
pub struct RoundsArguments {
    /// What to do; lists by default.
    #[command(subcommand)]
    pub command: Option<RoundsCommand>,
}

/// A verb of `rounds`.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum RoundsCommand {
    /// Lists every round this institution was asked to vote in.
    #[command(after_help = "Example:\n  participant rounds list --format json")]
    List,
    /// Approves a round that waits for a person.
    #[command(after_help = "Example:\n  participant rounds approve 00112233445566778899aabbccddeeff")]
    Approve {
        /// The round.
        round: RoundId,
    },
    /// Refuses a round.
    #[command(after_help = "Example:\n  participant rounds refuse 00112233445566778899aabbccddeeff")]
    Refuse {
        /// The round.
        round: RoundId,
    },
}

/// The verb of `trustee`.
#[derive(Debug, Args)]
pub struct TrusteeArguments {
    /// What to do.
    #[command(subcommand)]
    pub command: TrusteeCommand,
}

/// A verb of `trustee`.
#[derive(Debug, Clone, Subcommand)]
pub enum TrusteeCommand {
    /// Shows the trustees and what their number means, in words, and approves them; a person's act.
    #[command(after_help = "Example:\n  participant trustee approve\n  \
        participant trustee approve --yes --format json")]
    Approve {
        /// Approves without asking.
        #[arg(long)]
        yes: bool,
    },
    /// Seals the roots of this trustee's pieces into a file, under a passphrase that is shown once.
    #[command(after_help = "Example:\n  participant trustee backup roots.psebk\n\n\
        The file does not hold what was signed. Keep the passphrase apart from it. When the federation is closed, destroy \
        both: whoever finds them holds this trustee's pieces.")]
    Backup {
        /// File to write; it must not exist.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Puts the roots of a backup back into a home that lost them.
    #[command(after_help = "Example:\n  participant trustee restore roots.psebk\n\n\
        The home needs its identity and its enrolment, and the agent must not run. For rounds that were announced before, \
        a restored home signs nothing.")]
    Restore {
        /// File that `participant trustee backup` wrote.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// File that holds the passphrase; it is asked for by default.
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
    },
    /// Lets this trustee answer again after an alarm, once a person has looked at it.
    #[command(after_help = "Example:\n  participant trustee resume")]
    Resume {
        /// Goes on without asking.
        #[arg(long)]
        yes: bool,
    },
}

/// The verb of `receipt`.
#[derive(Debug, Args)]
pub struct ReceiptArguments {
    /// What to do.
    #[command(subcommand)]
    pub command: ReceiptCommand,
}

/// A verb of `receipt`.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum ReceiptCommand {
    /// Checks that each receipt is the coordinator's, from before the close, and that the ballot is counted.
    #[command(
        after_help = "Exit codes: 0 every receipt holds, 1 one is invalid, 3 one cannot be verified yet.\n\n\
        Example:\n  participant receipt verify\n  \
        participant receipt verify 00112233445566778899aabbccddeeff --format json"
    )]
    Verify {
        /// The round; every round by default.
        round: Option<RoundId>,
    },
}

/// The verb of `data`.
#[derive(Debug, Args)]
pub struct DataArguments {
    /// What to do.
    #[command(subcommand)]
    pub command: DataCommand,
}

/// A verb of `data`.
#[derive(Debug, Subcommand)]
pub enum DataCommand {
    /// Makes synthetic data, heart beats or bank transactions; it comes from no person.
    #[command(
        after_help = "Example:\n  participant data generate --out beats --persons 600 --beats 40 --seed 1\n  \
        participant data generate --kind bank --out transactions --persons 2000 --records 10"
    )]
    Generate {
        /// What to invent.
        #[arg(long, value_enum, default_value_t = DataKind::Ecg)]
        kind: DataKind,
        /// Folder to write to.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// Number of persons.
        #[arg(long, default_value_t = 600)]
        persons: usize,
        /// Beats or transactions of each person.
        #[arg(long, default_value_t = 40, visible_alias = "records")]
        beats: usize,
        /// Seed of the data.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Describes this institution's own data: shape, records, persons, classes, missing values and ranges.
    #[command(
        after_help = "Example:\n  participant data describe --data transactions.csv --home north-bank\n  \
        participant data describe --data transactions.csv --config federation.toml --format json\n\n\
        Nothing is sent. The counts are for this institution's own eyes: they are private as the data is."
    )]
    Describe {
        /// File or folder of the labelled data.
        #[arg(long, value_name = "PATH")]
        data: PathBuf,
        /// Config of the federation whose columns and classes to read by [default: the one this home enrolled in, or
        /// else description.json beside the data].
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Splits labelled data over participants, unlabeled instances and a held-out test.
    #[command(
        after_help = "Example:\n  participant data split --data mnist --participants 5 --seed 1 --out split"
    )]
    Split {
        /// File or folder of the labelled data.
        #[arg(long, value_name = "PATH")]
        data: PathBuf,
        /// Number of participants.
        #[arg(long)]
        participants: usize,
        /// Seed of the split.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Folder to write to.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Draws instances for a round from the unlabeled part of a split, with their truth for a report.
    #[command(
        after_help = "Example:\n  participant data draw --split split --count 200 --seed 1 --out round"
    )]
    Draw {
        /// Folder that `data split` wrote.
        #[arg(long, value_name = "DIR")]
        split: PathBuf,
        /// Number of instances.
        #[arg(long)]
        count: usize,
        /// Seed of the draw.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Folder to write `instances.npy` and `truth.npy` to.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
}

/// A kind of synthetic data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DataKind {
    /// Electrocardiogram beats in five classes.
    Ecg,
    /// Bank transactions in eight spending categories, as a CSV file with typed columns.
    Bank,
}

/// Options of `verify`.
#[derive(Debug, Args)]
pub struct VerifyArguments {
    /// Folder or file that `coordinator transcript export` wrote, or the address of a coordinator.
    #[arg(value_name = "EXPORT|URL")]
    pub source: String,
    /// Fails also if a check could not be made.
    #[arg(long)]
    pub strict: bool,
    /// Hash of the federation whose transcript it must be [default: the one this home enrolled in, if it has].
    #[arg(long, value_name = "HASH")]
    pub federation: Option<Digest>,
}

/// The verb of `ledger`.
#[derive(Debug, Args)]
pub struct LedgerArguments {
    /// What to do.
    #[command(subcommand)]
    pub command: LedgerCommand,
}

/// A verb of `ledger`.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum LedgerCommand {
    /// Shows it.
    #[command(after_help = "Example:\n  participant ledger show --format json")]
    Show,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn every_verb_has_help_with_an_example() {
        let mut verbs = vec![Cli::command()];
        let mut examined = 0;
        while let Some(verb) = verbs.pop() {
            verbs.extend(verb.get_subcommands().cloned());
            assert!(verb.get_about().is_some(), "{} has no help", verb.get_name());
            if verb.get_name() != "participant" {
                let help = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
                assert!(help.contains("participant "), "{} has no example", verb.get_name());
                examined += 1;
            }
        }
        assert_eq!(examined, 32, "verbs and their sub-verbs");
        Cli::command().debug_assert();
    }
}
