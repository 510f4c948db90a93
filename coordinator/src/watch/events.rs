//! The transcript in words: each event is decoded once and kept as one line.

use std::sync::{Mutex, PoisonError};

use shared::{
    identity::Signed,
    ids::{ParticipantId, RoundId},
    round::{OpeningContent, Step},
    transcript::{Event, EventBody, Head, TallyRecord},
    wire::{EventLine, EventLines},
};

use crate::{
    app::App,
    storage::{Result, StorageError, Tx},
};

/// Events that are read at a time.
const BATCH: u32 = 100;

/// Is the committed chain in words, as far as it was read. It is never locked while the database is asked: whoever
/// holds a connection and waits for the lock would starve whoever holds the lock and waits for a connection.
#[derive(Debug, Default)]
pub(super) struct Index(Mutex<Vec<EventLine>>);

impl Index {
    fn with<T>(&self, work: impl FnOnce(&mut Vec<EventLine>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Brings the index to the end of the chain and asks it.
    async fn ask<T>(&self, app: &App, ask: impl FnOnce(&[EventLine]) -> T) -> Result<T> {
        loop {
            let known = self.with(|lines| lines.len());
            let (events, length) = app.storage.events(known as u64, BATCH).await?;
            let more = events.iter().map(line_of).collect::<Result<Vec<_>>>()?;
            let is_done = more.is_empty() || (known + more.len()) as u64 >= length;
            self.with(|lines| {
                // Another reader may have been faster.
                if lines.len() == known {
                    lines.extend(more);
                }
            });
            if is_done {
                return Ok(self.with(|lines| ask(lines)));
            }
        }
    }
}

/// Returns a page of the transcript in words, from a height on. It takes a connection of its own: never call it with a
/// transaction open.
pub async fn event_lines(app: &App, from: u64, limit: usize) -> Result<EventLines> {
    let from = usize::try_from(from).unwrap_or(usize::MAX);
    let page = |lines: &[EventLine]| EventLines {
        events: lines.iter().skip(from).take(limit).cloned().collect(),
        length: lines.len() as u64,
    };
    app.watch.events.ask(app, page).await
}

/// Returns one event in words as a transaction sees it, if there is one at that height.
pub async fn event_line(app: &App, tx: &mut Tx, height: u64) -> Result<Option<EventLine>> {
    let (events, _) = app.storage.events_in(tx, height, 1).await?;
    events.first().map(line_of).transpose()
}

/// Returns what the transcript says of a round, as a transaction sees it. What the index does not have is read and not
/// kept: the transaction may still fail.
pub async fn timeline(app: &App, tx: &mut Tx, round: RoundId) -> Result<Vec<EventLine>> {
    let is_of_round = |line: &EventLine| line.round == Some(round);
    let (mut timeline, mut next) = app.watch.events.with(|lines| {
        let of_round: Vec<EventLine> = lines.iter().filter(|line| is_of_round(line)).cloned().collect();
        (of_round, lines.len() as u64)
    });
    loop {
        let (events, length) = app.storage.events_in(tx, next, BATCH).await?;
        next += events.len() as u64;
        let lines = events.iter().map(line_of).collect::<Result<Vec<_>>>()?;
        timeline.extend(lines.into_iter().filter(is_of_round));
        if events.is_empty() || next >= length {
            return Ok(timeline);
        }
    }
}

fn line_of(signed: &Signed<Event>) -> Result<EventLine> {
    signed.unverified().map(|event| line(&event)).map_err(|_| StorageError::unreadable("event"))
}

/// What an event is about, and what happened.
struct Told {
    kind: &'static str,
    round: Option<RoundId>,
    participant: Option<ParticipantId>,
    words: String,
}

fn line(event: &Event) -> EventLine {
    let Told { kind, round, participant, words } = told(&event.body);
    EventLine {
        height: event.height,
        at: event.at,
        digest: Head::after(event).digest,
        kind: kind.to_owned(),
        round,
        participant,
        words,
    }
}

fn told(body: &EventBody) -> Told {
    let tell = |kind, words: String| Told { kind, round: None, participant: None, words };
    let by = |kind, participant, words: String| Told { participant: Some(participant), ..tell(kind, words) };
    match body {
        EventBody::Founded(founding) => {
            tell("founded", format!("the federation \"{}\" was founded", founding.config.name))
        }
        EventBody::Enrolled(member) => {
            let role = if member.trustee { " as a trustee" } else { "" };
            let words = format!("\"{}\" enrolled{role} with {} teachers", member.name, member.teachers);
            by("enrolled", member.id, words)
        }
        EventBody::Revoked { participant, reason } => {
            by("revoked", *participant, format!("participant {participant} was removed: {reason}"))
        }
        EventBody::KnownAnswer { .. } => {
            tell("known_answer", "the coordinator encrypted a known answer to prove the keys".to_owned())
        }
        EventBody::Keyed => {
            tell("keyed", "the known answer opened rightly; the federation is keyed".to_owned())
        }
        EventBody::Closed => tell("closed", "the federation was closed".to_owned()),
        EventBody::Tallied(tally) => told_of_tally(tally),
        other => told_of_statement(other).unwrap_or_else(|| told_of_round(other)),
    }
}

/// Tells of what a participant signed; what is on the record was checked when it came.
fn told_of_statement(body: &EventBody) -> Option<Told> {
    let by = |kind, participant: ParticipantId, round, words: String| {
        Some(Told { kind, round, participant: Some(participant), words })
    };
    match body {
        EventBody::Approved(signed) => {
            let approval = signed.unverified().ok()?;
            let words = format!(
                "participant {} approved the federation and roster {}",
                approval.participant,
                approval.roster.short()
            );
            by("approved", approval.participant, None, words)
        }
        EventBody::TrusteeApproved(signed) => {
            let approval = signed.unverified().ok()?;
            let id = approval.participant;
            let words = format!("trustee {id} approved the trustees, and {} as the dealer", approval.dealer);
            by("trustee_approved", id, None, words)
        }
        EventBody::Keys(signed) => {
            let id = signed.unverified().ok()?.trustee;
            by("keys", id, None, format!("participant {id} published the keys"))
        }
        EventBody::Acknowledged(signed) => {
            let id = signed.unverified().ok()?.participant;
            by("acknowledged", id, None, format!("trustee {id} checked its pieces and holds them"))
        }
        EventBody::Complained(signed) => {
            let complaint = signed.unverified().ok()?;
            let id = complaint.participant;
            let words = format!("trustee {id} complained about {}: {}", complaint.about, complaint.reason);
            by("complained", id, None, words)
        }
        EventBody::Opened(signed) => {
            let opening = signed.unverified().ok()?;
            let what = match (opening.round, opening.step) {
                (None, _) => "the known answer",
                (Some(_), Step::Test) => "the test",
                (Some(_), Step::Label) => "the labels",
            };
            let how = match &opening.content {
                OpeningContent::Labels(_) => "opened",
                OpeningContent::Shares(_) => "posted its shares of",
            };
            let id = opening.trustee;
            by("opened", id, opening.round, format!("trustee {id} {how} {what}"))
        }
        _ => None,
    }
}

fn told_of_tally(tally: &TallyRecord) -> Told {
    let what = match (tally.round, tally.step) {
        (None, _) => "the known answer was tallied",
        (Some(_), Step::Test) => "the test was tallied under encryption",
        (Some(_), Step::Label) => "the labels were tallied under encryption",
    };
    Told { kind: "tallied", round: tally.round, participant: None, words: what.to_owned() }
}

fn told_of_round(body: &EventBody) -> Told {
    let tell = |kind, round, words: String| Told { kind, round, participant: None, words };
    match body {
        EventBody::Announced(announcement) => {
            let (count, quorum) = (announcement.instance_count, announcement.quorum);
            let words = format!("a round of {count} instances was announced; it needs {quorum} ballots");
            tell("announced", Some(announcement.round), words)
        }
        EventBody::WindowClosed { round, ballots } => {
            let words = format!("the window closed over {} ballots", ballots.len());
            tell("window_closed", Some(*round), words)
        }
        EventBody::NoiseBallot { round, .. } => {
            let words = "the coordinator fixed its own encrypted noise".to_owned();
            tell("noise_ballot", Some(*round), words)
        }
        EventBody::Tested { round, passed, .. } => {
            tell("tested", Some(*round), format!("{} instances passed the test", passed.len()))
        }
        EventBody::Released { round, labels, corroboration, .. } => {
            let named = labels.iter().filter(|label| **label > 0).count();
            let abstained = labels.len() - named;
            let words = format!("{named} labels and {abstained} abstentions were released ({corroboration})");
            tell("released", Some(*round), words)
        }
        EventBody::Compared { round, corroboration } => {
            let words = format!("a later opening was compared with the release ({corroboration})");
            tell("compared", Some(*round), words)
        }
        EventBody::Failed { round, reason, charged } => {
            let cost = if *charged { "its cost is charged" } else { "nothing is charged" };
            tell("failed", Some(*round), format!("the round failed: {reason}; {cost}"))
        }
        EventBody::Cancelled { round, charged } => {
            let cost = if *charged { "its cost is charged" } else { "nothing is charged" };
            tell("cancelled", Some(*round), format!("the operator cancelled the round; {cost}"))
        }
        _ => tell("unreadable", None, "this event cannot be read".to_owned()),
    }
}
