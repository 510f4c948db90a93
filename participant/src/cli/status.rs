//! `participant status`: what this home is, has approved, and waits for; with the coordinator's view if it answers.

use std::path::Path;

use base::ids::{Digest, ParticipantId, RoundId};
use protocol::{federation::FederationState, wire::BoardId};
use serde::Serialize;

use super::{Failure, block_on, output::Output};
use crate::identity::load_token;
use crate::{
    approval::{Membership, Pin},
    config::Config,
    home::{Home, HomeError},
    teacher::{
        ensemble::Training,
        journal::{Journal, Record, Stage},
    },
    transcript::Chain,
    trustee::{
        alarm::{Alarm, Alarms},
        holds_key,
        standing::{Line, Standing},
    },
};
use client::{Client, ClientError, Patience};

/// Every fact that `status` prints.
#[derive(Debug, Serialize)]
struct Status {
    name: String,
    coordinator: String,
    reachable: bool,
    error: Option<String>,
    federation: Option<Digest>,
    federation_name: Option<String>,
    federation_state: Option<FederationState>,
    participant: Option<ParticipantId>,
    trustee: bool,
    trustee_key: bool,
    approved_roster: Option<Digest>,
    current_roster: Option<Digest>,
    training: Option<Training>,
    agent_running: bool,
    rounds_waiting: usize,
    not_voted: Vec<NotVoted>,
    /// Where the boards of the trustees stand, as the agent wrote it last.
    boards: Vec<Line>,
    /// The ceremonies that ended without a key, and who was named.
    dead_ceremonies: Vec<DeadCeremony>,
    /// What a person has to look at before this trustee answers again.
    alarms: Vec<Alarm>,
    insecure: Vec<&'static str>,
}

/// A ceremony that ended without a key.
#[derive(Debug, Serialize)]
struct DeadCeremony {
    ceremony: Digest,
    named: Vec<ParticipantId>,
}

/// A round in which this institution has no vote, and why.
#[derive(Debug, Serialize)]
struct NotVoted {
    round: RoundId,
    /// `declined` where a later try may vote, `lost` where none can.
    stage: &'static str,
    reason: String,
}

/// Most rounds without a vote that are shown, the newest first; `participant rounds` shows all.
const SHOWN: usize = 3;

pub(super) fn run(root: &Path, output: &Output) -> Result<(), Failure> {
    let home = Home::open(root)?;
    let config = Config::load(&home)?;
    let status = gather(&home, &config)?;
    output.show(&status.in_words(), &status)
}

fn gather(home: &Home, config: &Config) -> Result<Status, Failure> {
    let membership = Membership::load(home)?;
    let pin = match &membership {
        Some(membership) => Pin::load(home, membership.federation())?,
        None => None,
    };
    let live = live(home, config)?;
    let (state, roster) = live.as_ref().ok().copied().unzip();
    let federation = membership.as_ref().map(|membership| &membership.founding.config);
    let insecure = federation.map(|config| config.insecure_settings()).unwrap_or_default();
    let records = Journal::of(home).records()?;
    Ok(Status {
        name: config.name.clone(),
        coordinator: config.coordinator.clone(),
        reachable: live.is_ok(),
        error: live.err().map(|error| error.to_string()),
        federation: membership.as_ref().map(Membership::federation),
        federation_name: federation.map(|config| config.name.clone()),
        federation_state: state,
        participant: membership.as_ref().map(|membership| membership.participant),
        trustee: membership.as_ref().is_some_and(|membership| membership.trustee),
        trustee_key: holds_key(home),
        approved_roster: pin.map(|pin| pin.roster),
        current_roster: roster,
        training: Training::load(home)?,
        agent_running: matches!(home.lock(), Err(HomeError::Locked(_))),
        rounds_waiting: records.iter().filter(|record| record.stage == Stage::Waiting).count(),
        not_voted: not_voted(records),
        boards: Standing::read(home)?,
        dead_ceremonies: match &membership {
            Some(membership) if membership.trustee => dead_ceremonies(home, membership)?,
            _ => Vec::new(),
        },
        alarms: Alarms::of(home).all()?.into_iter().filter(|alarm| alarm.seen_at.is_none()).collect(),
        insecure: insecure.into_iter().chain(config.insecure_settings()).collect(),
    })
}

/// Returns the ceremonies that the kept transcript knows to have ended without a key.
fn dead_ceremonies(home: &Home, membership: &Membership) -> Result<Vec<DeadCeremony>, Failure> {
    let replay = Chain::peek(home, membership)?.replay();
    let ended = replay.iter().flat_map(|replay| replay.ceremony().ended());
    Ok(ended.map(|ended| DeadCeremony { ceremony: ended.ceremony, named: ended.named.clone() }).collect())
}

fn not_voted(mut records: Vec<Record>) -> Vec<NotVoted> {
    records.sort_by_key(|record| std::cmp::Reverse(record.seen_at.0));
    let troubles = records.into_iter().filter_map(|Record { round, stage, .. }| {
        let name = stage.name();
        match stage {
            Stage::Declined { reason } | Stage::Lost { reason, .. } => {
                Some(NotVoted { round, stage: name, reason })
            }
            _ => None,
        }
    });
    troubles.take(SHOWN).collect()
}

/// Asks the coordinator for state and roster; that it is away is a fact and not a failure.
fn live(home: &Home, config: &Config) -> Result<Result<(FederationState, Digest), ClientError>, Failure> {
    let patience = Patience { attempts: 1, ..Patience::PERSON };
    let client = Client::new(config.endpoint(&home.config())?, load_token(home)?, patience)?;
    block_on(async { Ok((client.federation().await?.state, client.roster().await?.hash)) })
}

impl Status {
    fn in_words(&self) -> String {
        let agent = if self.agent_running { "runs" } else { "does not run: participant run" };
        let lines = [
            format!("name         {}", self.name),
            format!("coordinator  {}", self.coordinator_in_words()),
            format!("enrolled     {}", self.enrolment_in_words()),
            format!("approved     {}", self.approval_in_words()),
            format!("teachers     {}", self.training_in_words()),
            format!("agent        {agent}"),
            format!("waiting      {} rounds for a person's approval", self.rounds_waiting),
        ];
        let insecure = self.insecure.iter().map(|name| format!("INSECURE     {name}"));
        let not_voted = self
            .not_voted
            .iter()
            .map(|one| format!("NOT VOTED    round {} ({}): {}", one.round, one.stage, one.reason));
        lines
            .into_iter()
            .chain(self.boards_in_words())
            .chain(not_voted)
            .chain(self.alarms.iter().map(|alarm| format!("ALARM        {}", alarm.what)))
            .chain(insecure)
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// Describes where the boards of the trustees stand, one on a line.
    fn boards_in_words(&self) -> Vec<String> {
        let dead = self.dead_ceremonies.iter().map(|dead| {
            let named: Vec<String> = dead.named.iter().map(ToString::to_string).collect();
            let whom = match named.is_empty() {
                true => "nobody is named".to_owned(),
                false => format!("participants {} lied", named.join(", ")),
            };
            format!("ceremony     {} ended without a key: {whom}", dead.ceremony.short())
        });
        let boards = self.boards.iter().map(|line| match line.board {
            BoardId::Ceremony(ceremony) => format!("ceremony     {}: {}", ceremony.short(), line.words),
            BoardId::KnownAnswer => format!("tally        known answer: {}", line.words),
            BoardId::Round(round, step) => format!("tally        {step} of round {round}: {}", line.words),
        });
        dead.chain(boards).collect()
    }

    fn coordinator_in_words(&self) -> String {
        match (self.federation_state, &self.error) {
            (Some(state), _) => format!("{} answers, the federation is {state:?}", self.coordinator),
            (None, error) => format!("{}: {}", self.coordinator, error.as_deref().unwrap_or("no answer")),
        }
    }

    fn enrolment_in_words(&self) -> String {
        let (Some(participant), Some(federation)) = (self.participant, self.federation) else {
            return "no: participant enroll".to_owned();
        };
        let role = match (self.trustee, self.trustee_key) {
            (false, _) => "",
            (true, true) => ", trustee, holds the key or pieces of it",
            (true, false) => ", trustee, holds nothing of the key",
        };
        let name = self.federation_name.as_deref().unwrap_or_default();
        format!("participant {participant} of {name} ({federation}){role}")
    }

    fn approval_in_words(&self) -> String {
        match (self.approved_roster, self.current_roster) {
            (None, _) => "nothing: participant approve".to_owned(),
            (Some(approved), Some(current)) if approved != current => {
                format!("roster {approved}, but the roster is now {current}: participant approve")
            }
            (Some(approved), _) => format!("roster {approved}"),
        }
    }

    fn training_in_words(&self) -> String {
        let Some(training) = &self.training else { return "not trained: participant train".to_owned() };
        let records: usize = training.records.iter().sum();
        let what = match &training.command {
            None => String::new(),
            Some(command) => format!(", the command {:?}", command.teacher.command),
        };
        format!("{} trained on {records} records (unit: {}){what}", training.teachers, training.privacy_unit)
    }
}
