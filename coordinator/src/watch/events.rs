//! The transcript in words: each event is decoded once and kept as one line.

use base::{
    Step,
    identity::Signed,
    ids::{ParticipantId, RoundId},
};
use protocol::{
    round::Opening,
    transcript::{Event, EventBody, Head, TallyOutcome, TallyRecord, UNDECIDED},
    wire::{EventLine, EventLines},
};

use crate::{
    app::App,
    storage::{ReadTx, Result, StorageError},
};

/// Events that are read at a time.
const BATCH: u32 = 100;

/// Brings the kept lines to the end of the chain and asks them.
async fn ask<T>(app: &App, ask: impl FnOnce(&[EventLine]) -> T) -> Result<T> {
    let kept = &app.watch.lines;
    loop {
        let known = kept.with(|lines| lines.len());
        let (events, length) = app.storage.events(known as u64, BATCH).await?;
        let more = events.iter().map(line_of).collect::<Result<Vec<_>>>()?;
        let is_done = more.is_empty() || (known + more.len()) as u64 >= length;
        kept.with(|lines| {
            // Another reader may have been faster.
            if lines.len() == known {
                lines.extend(more);
            }
        });
        if is_done {
            return Ok(kept.with(|lines| ask(lines)));
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
    ask(app, page).await
}

/// Returns one event in words as a transaction sees it, if there is one at that height.
pub async fn event_line(tx: &mut ReadTx, height: u64) -> Result<Option<EventLine>> {
    let (events, _) = tx.events_in(height, 1).await?;
    events.first().map(line_of).transpose()
}

/// Returns what the transcript says of a round, as a transaction sees it. What the index does not have is read and not
/// kept: the transaction may still fail.
pub async fn timeline(app: &App, tx: &mut ReadTx, round: RoundId) -> Result<Vec<EventLine>> {
    let is_of_round = |line: &EventLine| line.round == Some(round);
    let (mut timeline, mut next) = app.watch.lines.with(|lines| {
        let of_round: Vec<EventLine> = lines.iter().filter(|line| is_of_round(line)).cloned().collect();
        (of_round, lines.len() as u64)
    });
    loop {
        let (events, length) = tx.events_in(next, BATCH).await?;
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
    round: Option<RoundId>,
    participant: Option<ParticipantId>,
    words: String,
}

impl Told {
    fn of_all(words: impl Into<String>) -> Self {
        Self { round: None, participant: None, words: words.into() }
    }

    fn by(participant: ParticipantId, words: String) -> Self {
        Self { participant: Some(participant), ..Self::of_all(words) }
    }

    fn of_round(round: RoundId, words: impl Into<String>) -> Self {
        Self { round: Some(round), ..Self::of_all(words) }
    }
}

fn line(event: &Event) -> EventLine {
    let Told { round, participant, words } = told(&event.body);
    EventLine {
        height: event.height,
        at: event.at,
        digest: Head::after(event).digest,
        kind: event.body.kind().name().to_owned(),
        round,
        participant,
        words,
    }
}

fn told(body: &EventBody) -> Told {
    match body {
        EventBody::Founded(founding) => {
            Told::of_all(format!("the federation \"{}\" was founded", founding.config.name))
        }
        EventBody::Enrolled(member) => {
            let role = if member.trustee { " as a trustee" } else { "" };
            let words = format!("\"{}\" enrolled{role} with {} teachers", member.name, member.teachers);
            Told::by(member.id, words)
        }
        EventBody::Revoked { participant, reason } => {
            Told::by(*participant, format!("participant {participant} was removed: {reason}"))
        }
        EventBody::KnownAnswer { .. } => {
            Told::of_all("the coordinator encrypted a known answer to prove the keys")
        }
        EventBody::KeysShared(keys) => {
            let trustees = keys.signatures.len();
            Told::of_all(format!("{trustees} trustees made a key together, and signed its certificate"))
        }
        EventBody::CeremonyEnded { named, .. } => Told::of_all(format!(
            "a ceremony of the trustees ended without a key{}; another one begins",
            named_liars(named)
        )),
        EventBody::Keyed => Told::of_all("the known answer came out rightly; the federation is keyed"),
        EventBody::Closed => Told::of_all("the federation was closed"),
        // What is on the record was checked when it came.
        other => told_of_statement(other)
            .or_else(|| told_of_round(other))
            .unwrap_or_else(|| Told::of_all("this event cannot be read")),
    }
}

/// Tells of what a participant signed.
fn told_of_statement(body: &EventBody) -> Option<Told> {
    Some(match body {
        EventBody::Approved(signed) => {
            let approval = signed.unverified().ok()?;
            let (id, roster) = (approval.participant, approval.roster.short());
            Told::by(id, format!("participant {id} approved the federation and roster {roster}"))
        }
        EventBody::TrusteeApproved(signed) => {
            let approval = signed.unverified().ok()?;
            let id = approval.participant;
            Told::by(id, format!("trustee {id} approved the trustees with whom it shares the key"))
        }
        EventBody::Keys(signed) => {
            let id = signed.unverified().ok()?.trustee;
            Told::by(id, format!("participant {id} published the keys"))
        }
        EventBody::Opened(signed) => told_of_opening(&signed.unverified().ok()?),
        _ => return None,
    })
}

fn told_of_opening(opening: &Opening) -> Told {
    let what = match (opening.round, opening.step) {
        (None, _) => "the known answer",
        (Some(_), Step::Test) => "the test",
        (Some(_), Step::Label) => "the labels",
    };
    let id = opening.trustee;
    Told { round: opening.round, ..Told::by(id, format!("trustee {id} opened {what}")) }
}

fn told_of_tally(tally: &TallyRecord) -> Told {
    let what = match (tally.round, tally.step) {
        (None, _) => "the known answer was tallied",
        (Some(_), Step::Test) => "the test was tallied",
        (Some(_), Step::Label) => "the labels were tallied",
    };
    let how = match tally.outcome {
        TallyOutcome::Ciphertexts(_) => "under encryption".to_owned(),
        TallyOutcome::Session { attempt: 0, .. } => "by the trustees together".to_owned(),
        TallyOutcome::Session { attempt, .. } => {
            format!("by the trustees together, in attempt {}", attempt.saturating_add(1))
        }
    };
    Told { round: tally.round, ..Told::of_all(format!("{what} {how}")) }
}

/// Tells of the steps of a round.
fn told_of_round(body: &EventBody) -> Option<Told> {
    let cost = |charged: bool| if charged { "its cost is charged" } else { "nothing is charged" };
    Some(match body {
        EventBody::Announced(announcement) => {
            let (count, quorum) = (announcement.instance_count, announcement.quorum);
            let words = format!("a round of {count} instances was announced; it needs {quorum} ballots");
            Told::of_round(announcement.round, words)
        }
        EventBody::WindowClosed { round, ballots } => {
            Told::of_round(*round, format!("the window closed over {} ballots", ballots.len()))
        }
        EventBody::NoiseBallot { round, .. } => {
            Told::of_round(*round, "the coordinator fixed its own encrypted noise")
        }
        EventBody::Summed { round, step, .. } => {
            let what = match step {
                Step::Test => "the test",
                Step::Label => "the labels",
            };
            let words = format!("the ballots were added up, and the trustees are asked for {what}");
            Told::of_round(*round, words)
        }
        EventBody::Tallied(tally) => told_of_tally(tally),
        EventBody::Tested { round, passed, .. } => {
            Told::of_round(*round, format!("{} instances passed the test", passed.len()))
        }
        EventBody::Released { round, labels, corroboration, .. } => {
            Told::of_round(*round, format!("{} were released ({corroboration})", counted(labels)))
        }
        EventBody::Failed { round, reason, charged } => {
            Told::of_round(*round, format!("the round failed: {reason}; {}", cost(*charged)))
        }
        EventBody::Cancelled { round, charged } => {
            Told::of_round(*round, format!("the operator cancelled the round; {}", cost(*charged)))
        }
        _ => return None,
    })
}

/// Counts what was released: labels, abstentions, and instances of which no class beat all others.
fn counted(labels: &[u16]) -> String {
    let count = |kept: fn(u16) -> bool| labels.iter().filter(|label| kept(**label)).count();
    let (abstained, undecided) = (count(|label| label == 0), count(|label| label == UNDECIDED));
    let named = labels.len() - abstained - undecided;
    match undecided {
        0 => format!("{named} labels and {abstained} abstentions"),
        _ => format!("{named} labels, {abstained} abstentions and {undecided} undecided"),
    }
}

fn named_liars(named: &[ParticipantId]) -> String {
    let names: Vec<String> = named.iter().map(ToString::to_string).collect();
    match names.as_slice() {
        [] => String::new(),
        names => format!(", because participants lied: {}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_undecided_is_no_label_and_no_abstention() {
        assert_eq!(counted(&[0, 1, 3]), "2 labels and 1 abstentions");
        assert_eq!(counted(&[UNDECIDED, 1, 0]), "1 labels, 1 abstentions and 1 undecided");
    }
}
