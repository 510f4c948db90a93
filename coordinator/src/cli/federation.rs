//! `federation`, `invite` and `roster`.

use std::{path::PathBuf, time::Duration};

use base::ids::ParticipantId;
use clap::{Args, Subcommand};
use indicatif::ProgressBar;
use protocol::{
    federation::{FederationConfig, FederationState},
    wire::{CeremonyView, FederationView, Found, Invite, NewInvite, Revoke, RosterView},
};

use super::{
    Client, Failure,
    output::{Output, insecure_line},
    plan::{self, PlanArgs},
};
use crate::config::duration;

#[derive(Debug, Subcommand)]
pub(super) enum FederationVerb {
    /// Founds the federation from a config file
    ///
    /// Example: coordinator federation create --config configs/mnist.toml
    Create {
        /// The federation's config
        #[arg(long)]
        config: PathBuf,
    },
    /// Says what a choice of noise costs, or which noise a promise needs; needs no server
    ///
    /// Example: coordinator federation plan --participants 250 --classes 10 --epsilon 1 --labels 1000
    Plan(Box<PlanArgs>),
    /// Shows the federation, or waits until its keys are proven
    ///
    /// Example: coordinator federation show --format json
    ///
    /// Example: coordinator federation show --wait --timeout 2h
    Show {
        /// Waits until the federation is keyed, with how far the trustees are
        #[arg(long)]
        wait: bool,
        /// Longest time to wait
        #[arg(long, default_value = "24h")]
        timeout: String,
    },
    /// Closes the federation; trustees then destroy their keys
    ///
    /// Example: coordinator federation close
    Close,
}

#[derive(Debug, Args)]
pub(super) struct InviteArgs {
    /// Name of the institution, unique in the federation
    #[arg(required_unless_present = "count", conflicts_with_all = ["count", "prefix", "trustees"])]
    name: Option<String>,
    /// Makes it a trustee, which holds the decryption key or pieces of it
    #[arg(long, conflicts_with = "count")]
    trustee: bool,
    /// Makes so many invites at once, for NAME-001 and so on
    #[arg(long, requires = "prefix", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    count: Option<u32>,
    /// Begins the names of these institutions
    #[arg(long, value_name = "NAME", requires = "count")]
    prefix: Option<String>,
    /// Makes the first so many of them trustees
    #[arg(long, default_value_t = 1, requires = "count")]
    trustees: u32,
}

#[derive(Debug, Subcommand)]
pub(super) enum RosterVerb {
    /// Shows the roster
    ///
    /// Example: coordinator roster show
    Show,
    /// Removes a participant from the roster
    ///
    /// Example: coordinator roster revoke 3 --reason "left the study"
    Revoke {
        /// Number of the participant
        participant: ParticipantId,
        /// Why; it enters the transcript
        #[arg(long)]
        reason: String,
    },
}

pub(super) async fn run(client: &Client, output: Output, verb: FederationVerb) -> Result<(), Failure> {
    let view: FederationView = match verb {
        FederationVerb::Create { config } => {
            let path = config.display().to_string();
            let text =
                std::fs::read_to_string(&config).map_err(|e| Failure::Usage(format!("{path}: {e}")))?;
            let config =
                FederationConfig::from_toml(&text).map_err(|e| Failure::Usage(format!("{path}: {e}")))?;
            client.post("/federation", &Found { config }).await?
        }
        FederationVerb::Plan(args) => return plan::run(output, &args),
        FederationVerb::Show { wait: false, .. } => client.get("/federation").await?,
        FederationVerb::Show { timeout, .. } => {
            wait_until_keyed(client, duration("--timeout", &timeout)?).await?
        }
        FederationVerb::Close => client.post("/federation/close", &serde_json::json!({})).await?,
    };
    output.fact(&view, || describe(&view))
}

/// Follows a federation until its keys are proven; the line says what is waited for.
async fn wait_until_keyed(client: &Client, timeout: Duration) -> Result<FederationView, Failure> {
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(Duration::from_millis(200));
    let follow = async {
        loop {
            let view: FederationView = client.get("/federation").await?;
            match view.state {
                FederationState::Keyed => return Ok::<_, Failure>(view),
                FederationState::Closed => {
                    return Err(Failure::Job("the federation was closed before it was keyed".to_owned()));
                }
                FederationState::Assembling => bar.set_message(waits_for(&view)),
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    let followed = tokio::time::timeout(timeout, follow).await;
    bar.finish_and_clear();
    followed.map_err(|_| Failure::TimedOut(format!("the federation was not keyed within {timeout:?}")))?
}

/// Says what a federation waits for until its keys are proven.
fn waits_for(view: &FederationView) -> String {
    let several = view.ceremony.as_ref().and_then(|ceremony| ceremony.waits_for.clone());
    match (several, &view.keys) {
        (Some(words), _) => format!("waiting for: {words}"),
        (None, None) => "the trustee has not published keys yet".to_owned(),
        (None, Some(_)) => "the known answer is tallied and opened".to_owned(),
    }
}

fn describe(view: &FederationView) -> String {
    let config = &view.founding.config;
    let noise = &config.noise;
    let mut lines = vec![
        format!("federation  {} ({:?}, founded {})", config.name, view.state, view.founding.founded_at),
        format!("hash        {}", view.hash),
        format!("classes     {}", config.classes.join(", ")),
        format!(
            "noise       σ = {} by the participants, σ_c = {} by the coordinator, τ = {}",
            noise.sigma, noise.coordinator_sigma, noise.honest_fraction
        ),
        format!(
            "trustees    {}, of which {} may be corrupt",
            config.trustees.count, config.trustees.threshold
        ),
        format!("keys        {}", if view.keys.is_some() { "published" } else { "not made yet" }),
    ];
    lines.extend(config.threshold.map(|threshold| {
        let votes = threshold.votes;
        match threshold.test {
            None => format!("threshold   no label below {votes} votes"),
            Some(test) => format!(
                "threshold   two steps: a test of {votes} votes with σ₁ = {} by the participants and {} by the \
                 coordinator comes first",
                test.sigma, test.coordinator_sigma
            ),
        }
    }));
    lines.extend(view.ceremony.iter().flat_map(describe_ceremony));
    lines.extend(insecure_line(&view.insecure));
    lines.join("\n")
}

fn describe_ceremony(view: &CeremonyView) -> Vec<String> {
    let mut lines: Vec<String> = view
        .ended
        .iter()
        .map(|dead| {
            let named: Vec<String> = dead.named.iter().map(ToString::to_string).collect();
            let why = if named.is_empty() { "nobody is named".to_owned() } else { named.join(", ") };
            format!("ceremony    {} ended without a key; participants who lied: {why}", dead.ceremony.short())
        })
        .collect();
    lines.extend(view.steps.iter().map(|step| {
        let approved =
            if step.approved { "approved" } else { "has not approved (participant trustee approve)" };
        format!(
            "  {:>3} {:24} {approved}, {} of 4 messages of the ceremony",
            step.participant, step.name, step.said
        )
    }));
    lines.extend(view.waits_for.iter().map(|words| format!("waits for   {words}")));
    lines
}

pub(super) async fn invite(client: &Client, output: Output, args: InviteArgs) -> Result<(), Failure> {
    let InviteArgs { name, trustee, count, prefix, trustees } = args;
    if let (Some(count), Some(prefix)) = (count, prefix) {
        return invite_many(client, output, count, &prefix, trustees).await;
    }
    let name = name.ok_or_else(|| Failure::Usage("give a name, or --count and --prefix".to_owned()))?;
    let invite: Invite = client.post("/invites", &NewInvite { name, trustee }).await?;
    output.fact(&invite, || {
        format!(
            "{}\n\ngive it to {} only; it enrols once:\n  participant enroll --invite ...",
            invite.invite, invite.name
        )
    })
}

/// Invites one after the other; what was made before a failure is printed, because a secret is shown once.
async fn invite_many(
    client: &Client,
    output: Output,
    count: u32,
    prefix: &str,
    trustees: u32,
) -> Result<(), Failure> {
    let digits = count.to_string().len().max(3);
    let mut invites: Vec<Invite> = Vec::new();
    let mut failure = None;
    for number in 1..=count {
        let new = NewInvite { name: format!("{prefix}-{number:0digits$}"), trustee: number <= trustees };
        match client.post("/invites", &new).await {
            Ok(invite) => invites.push(invite),
            Err(error) => {
                failure = Some(error);
                break;
            }
        }
    }
    if !invites.is_empty() {
        let secrets = || invites.iter().map(|invite| invite.invite.as_str()).collect::<Vec<_>>().join("\n");
        output.fact(&invites, secrets)?;
    }
    failure.map_or(Ok(()), |error| Err(error.into()))
}

pub(super) async fn roster(client: &Client, output: Output, verb: RosterVerb) -> Result<(), Failure> {
    let view: RosterView = match verb {
        RosterVerb::Show => client.roster().await?,
        RosterVerb::Revoke { participant, reason } => {
            let _: RosterView =
                client.post(&format!("/roster/{participant}/revoke"), &Revoke { reason }).await?;
            client.roster().await?
        }
    };
    output.fact(&view, || describe_roster(&view))
}

fn describe_roster(view: &RosterView) -> String {
    let mut lines = vec![format!("roster {}", view.hash)];
    for (member, standing) in view.roster.members.iter().zip(&view.standing) {
        let approved = match standing.approved {
            Some(hash) if hash == view.hash => "approved",
            Some(_) => "approved an earlier roster",
            None => "not approved yet",
        };
        let seen = match standing.last_seen {
            Some(_) if standing.online => "online".to_owned(),
            Some(at) => format!("last heard {at}"),
            None => "never heard".to_owned(),
        };
        let role = if member.trustee { ", trustee" } else { "" };
        lines.push(format!(
            "{:>3}  {:24} {} teachers{role}; {approved}; {seen}",
            member.id, member.name, member.teachers
        ));
    }
    lines
        .extend(view.revoked.iter().map(|r| format!("{:>3}  {:24} revoked {}", r.participant, r.name, r.at)));
    lines.join("\n")
}
