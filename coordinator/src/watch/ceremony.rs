//! How far several trustees are with their key.

use protocol::{
    federation::{FederationState, Roster},
    transcript::Replay,
    wire::{BoardId, CeremonyView, DeadCeremony, TrusteeSteps},
};

use super::session::standing;
use crate::{
    app::App,
    rounds::RoundError,
    storage::{HeardRow, ReadTx},
};

/// The messages of a ceremony in their order, as people call them.
const MESSAGES: [&str; 4] = ["box key", "contributions", "pieces", "certificate"];
/// The place of the message that a ceremony is dead, and of the contributions that are shown then.
const DEAD: u32 = 4;
const SHOWN: u32 = 5;

/// Returns how far the trustees are; nothing with a sole trustee.
pub(super) async fn ceremony(app: &App, tx: &mut ReadTx) -> Result<Option<CeremonyView>, RoundError> {
    let Some(Some((mut view, board, roster))) = tx.replay(begun).await? else { return Ok(None) };
    let heard = match board {
        Some(board) => tx.heard(board, 0).await?,
        None => Vec::new(),
    };
    for (place, step) in view.steps.iter_mut().enumerate() {
        step.said = heard.iter().filter(|row| row.exchange < DEAD && has_said(row, place)).count() as u32;
    }
    let state = tx.replay(Replay::state).await?;
    view.waits_for = match (state, view.ceremony) {
        (Some(FederationState::Assembling), None) if view.waits_for.is_none() => {
            let known = standing(app, tx, BoardId::KnownAnswer).await?;
            known.map(|known| format!("known answer, {}", known.words(app, &roster, BoardId::KnownAnswer)))
        }
        (_, Some(_)) => Some(waits_for(&view.steps, &heard)),
        _ => view.waits_for,
    };
    Ok(Some(view))
}

fn has_said(row: &HeardRow, place: usize) -> bool {
    u32::try_from(place)
        .ok()
        .and_then(|place| row.senders.checked_shr(place))
        .is_some_and(|bits| bits & 1 == 1)
}

/// Returns what the chain says, the board of the ceremony that is held or that made the key, and the roster.
fn begun(replay: &Replay) -> Option<(CeremonyView, Option<BoardId>, Roster)> {
    let policy = replay.founding().config.trustees;
    if policy.is_sole() {
        return None;
    }
    let (trustees, record, roster) = (replay.trustees(), replay.ceremony(), replay.roster());
    let (taken, seats) = (trustees.members.len(), usize::from(policy.count));
    let steps: Vec<TrusteeSteps> = roster
        .trustees()
        .map(|member| TrusteeSteps {
            participant: member.id,
            name: member.name.clone(),
            approved: record.approved().contains(&member.id),
            said: 0,
        })
        .collect();
    let missing: Vec<&str> =
        steps.iter().filter(|step| !step.approved).map(|step| step.name.as_str()).collect();
    let waits_for = match replay.state() {
        FederationState::Assembling if taken < seats => {
            Some(format!("{taken} of {seats} trustee seats are taken: coordinator invite NAME --trustee"))
        }
        FederationState::Assembling if !missing.is_empty() => {
            Some(format!("approval of the trustees by {} (participant trustee approve)", missing.join(", ")))
        }
        _ => None,
    };
    let made = || Some(*record.keys()?.shared()?.certificate.ceremony());
    let current = replay.current_ceremony();
    let ended = record.ended().iter();
    let view = CeremonyView {
        trustees: (taken == seats).then(|| trustees.digest()),
        ceremony: current,
        steps,
        ended: ended.map(|e| DeadCeremony { ceremony: e.ceremony, named: e.named.clone() }).collect(),
        waits_for,
    };
    Some((view, current.or_else(made).map(BoardId::Ceremony), roster))
}

/// Says whose message a ceremony waits for.
fn waits_for(steps: &[TrusteeSteps], heard: &[HeardRow]) -> String {
    let missing = |place: u32| {
        let row = heard.iter().find(|row| row.exchange == place);
        let has_said = |trustee: usize| row.is_some_and(|row| has_said(row, trustee));
        let names = steps.iter().enumerate().filter(|(trustee, _)| !has_said(*trustee));
        names.map(|(_, step)| step.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    if heard.iter().any(|row| row.exchange == DEAD) {
        let (silent, hiding) = (missing(DEAD), missing(SHOWN));
        return match silent.is_empty() {
            false => format!("the ceremony is dead: waiting for {silent} to sign it too"),
            true => format!("the ceremony is dead: waiting for {hiding} to show its contributions"),
        };
    }
    let open = (0..).zip(MESSAGES).map(|(place, what)| (what, missing(place)));
    match open.into_iter().find(|(_, names)| !names.is_empty()) {
        Some((what, names)) => format!("{what} of {names}"),
        None => "the coordinator, to record the key".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::ids::ParticipantId;

    #[test]
    fn a_ceremony_says_for_whom_it_waits_and_for_what() {
        let step = |number: u32| TrusteeSteps {
            participant: ParticipantId::new(number).unwrap(),
            name: format!("hospital-{number}"),
            approved: true,
            said: 0,
        };
        let steps: Vec<TrusteeSteps> = (1..=3).map(step).collect();
        let row = |exchange, senders| HeardRow { batch: 0, exchange, senders };
        let said = |heard: &[HeardRow]| waits_for(&steps, heard);
        assert_eq!(said(&[]), "box key of hospital-1, hospital-2, hospital-3");
        assert_eq!(said(&[row(0, 0b111), row(1, 0b101)]), "contributions of hospital-2");
        let dead = [row(0, 0b111), row(1, 0b111), row(DEAD, 0b011)];
        assert_eq!(said(&dead), "the ceremony is dead: waiting for hospital-3 to sign it too");
        let shown = [row(DEAD, 0b111), row(SHOWN, 0b110)];
        assert_eq!(said(&shown), "the ceremony is dead: waiting for hospital-1 to show its contributions");
    }
}
