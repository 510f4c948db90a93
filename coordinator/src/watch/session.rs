//! How far several trustees are with what they compute together, in words too.

use base::ids::ParticipantId;
use protocol::{
    federation::{Roster, Trustees},
    round::{RoundState, Summed},
    wire::{BoardId, Progress, SessionView},
};
use tally::sharing::Group;

use crate::{
    app::{App, Session},
    rounds::{Heard, RoundError, session_of},
    storage::{BoardRow, ReadTx, RoundRow},
};

/// What is known of a board at one moment.
pub(super) struct Standing {
    pub(super) row: BoardRow,
    pub(super) exchanges: Progress,
    batches: Progress,
    present: Group,
    missing: Group,
    /// What the first open batch is at: "layer 4 of 10".
    phase: String,
    /// The same with the attempt and the batch, where there are others.
    place: String,
}

/// Returns how far the attempt is that is held on a board; nothing while none is.
pub(super) async fn standing(
    app: &App,
    tx: &mut ReadTx,
    board: BoardId,
) -> Result<Option<Standing>, RoundError> {
    let Some(row) = tx.board(board).await? else { return Ok(None) };
    let Some(session) = session_of(app, tx, board).await? else { return Ok(None) };
    let heard = tx.heard(board, row.attempt).await?;
    Ok(Some(stand(&session, row, &Heard::new(&session.task, row.attempt, &heard))))
}

fn stand(session: &Session, row: BoardRow, heard: &Heard<'_>) -> Standing {
    let (front, batches) = (heard.front(), heard.open_batches());
    let phase = front.map_or_else(
        || "all labels are open".to_owned(),
        |front| session.task.plan.phase(front.batch, front.exchange).to_string(),
    );
    let mut place = Vec::new();
    if row.attempt > 0 {
        place.push(format!("attempt {}", row.attempt.saturating_add(1)));
    }
    if let Some(front) = front.filter(|front| front.exchange > 0 && batches.total > 1) {
        place.push(format!("batch {} of {}", front.batch.saturating_add(1), batches.total));
    }
    place.push(phase.clone());
    Standing {
        row,
        exchanges: heard.exchanges(),
        batches,
        present: session.task.sharing.group(row.attempt),
        missing: front.map_or_else(|| Group::of([]), |front| front.missing),
        phase,
        place: place.join(", "),
    }
}

impl Standing {
    /// Says all of it: "layer 4 of 10: waiting for hospital-2".
    pub(super) fn words(&self, app: &App, roster: &Roster, board: BoardId) -> String {
        if self.row.stopped_at.is_some() {
            return format!("{}: a trustee ended this attempt; another one begins in a moment", self.place);
        }
        let missing = Trustees::of(roster).participants(self.missing);
        if missing.is_empty() {
            return self.place.clone();
        }
        let names: Vec<String> = missing.iter().map(|id| name(app, roster, board, *id)).collect();
        format!("{}: waiting for {}", self.place, names.join(", "))
    }
}

/// Names a trustee, and says why if it refuses to take part.
fn name(app: &App, roster: &Roster, board: BoardId, id: ParticipantId) -> String {
    let name = roster.member(id).map_or_else(|| format!("participant {id}"), |member| member.name.clone());
    let round = match board {
        BoardId::Round(round, _) => Some(round),
        BoardId::Ceremony(_) | BoardId::KnownAnswer => None,
    };
    let refused = app.beat(id).refused.into_iter().find(|refused| refused.round == round);
    refused.map_or(name.clone(), |refused| format!("{name} (which refuses: {})", refused.reason))
}

/// Returns the sum that several trustees are asked to tally in a round.
const fn summed(round: &RoundRow) -> Option<Summed> {
    match round.state {
        RoundState::Tallying { summed, .. } => summed,
        _ => None,
    }
}

/// Returns how far several trustees are with a round; nothing while they are not asked.
pub(super) async fn session(
    app: &App,
    tx: &mut ReadTx,
    round: &RoundRow,
) -> Result<Option<SessionView>, RoundError> {
    let Some(summed) = summed(round) else { return Ok(None) };
    let board = BoardId::Round(round.id(), summed.step);
    let Some(standing) = standing(app, tx, board).await? else { return Ok(None) };
    let trustees = Trustees::of(&round.roster);
    let patience = i64::try_from(app.settings.patience.as_millis()).unwrap_or(i64::MAX);
    Ok(Some(SessionView {
        step: summed.step,
        attempt: standing.row.attempt,
        present: trustees.participants(standing.present),
        batches: standing.batches,
        waits_for: trustees.participants(standing.missing),
        words: standing.words(app, &round.roster, board),
        phase: standing.phase,
        moved_at: standing.row.moved_at,
        until: summed.at.plus(patience),
    }))
}

/// Returns how many exchanges of a round's session are behind, and how many there are.
pub(super) async fn exchanges(
    app: &App,
    tx: &mut ReadTx,
    round: &RoundRow,
) -> Result<Option<Progress>, RoundError> {
    let Some(summed) = summed(round) else { return Ok(None) };
    let standing = standing(app, tx, BoardId::Round(round.id(), summed.step)).await?;
    Ok(standing.map(|standing| standing.exchanges))
}
