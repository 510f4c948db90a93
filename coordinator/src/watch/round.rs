//! What everybody may see of a round.

use base::clock::Millis;
use protocol::{
    ballot::ballot_bytes,
    federation::{Founding, Member},
    round::{AnnouncementError, RoundState},
    wire::{Attendance, OpeningState, OpeningView, Progress, RoundSummary, RoundView, Voter},
};

use super::{
    session::{exchanges, session},
    timeline,
};
use crate::{
    app::App,
    rounds::{RoundError, class_of},
    storage::{BallotRow, OpeningRow, ReadTx, RefusalRow, RoundRow},
};

/// Returns everything public about a round.
pub async fn view(
    app: &App,
    tx: &mut ReadTx,
    founding: &Founding,
    round: &RoundRow,
) -> Result<RoundView, RoundError> {
    let id = round.id();
    let (ballots, refusals) = (tx.ballots(id).await?, tx.refusals(id).await?);
    let announcement = &round.announcement;
    let cost = match round.state {
        RoundState::Released { .. } => {
            announcement.cost_of_release(founding, &round.roster, round.passed())?
        }
        _ => announcement.cost(founding, &round.roster)?,
    };
    let epsilon = cost.epsilon(founding.config.privacy.delta).map_err(AnnouncementError::from)?;
    let voter = |member: &Member| voter(member, &round.state, &ballots, &refusals);
    let count = |kept: fn(&u16) -> bool| {
        round.labels.as_ref().map(|labels| labels.iter().filter(|label| kept(label)).count() as u32)
    };
    Ok(RoundView {
        round: id,
        announcement: announcement.clone(),
        state: round.state.clone(),
        voters: round.roster.members.iter().map(voter).collect(),
        progress: progress(app, tx, round).await?,
        ballot_bytes: ballot_bytes(announcement).map_err(AnnouncementError::from)? as u64,
        cost,
        epsilon,
        resolution_votes: announcement.gap(founding, &round.roster)?,
        passed: round.state.test().map(|test| test.passed),
        openings: openings(app, tx, round).await?,
        session: session(app, tx, round).await?,
        corroboration: match &round.state {
            RoundState::Released { corroboration, .. } => Some(corroboration.clone()),
            _ => None,
        },
        insecure: founding.config.insecure_settings().into_iter().map(str::to_owned).collect(),
        distribution: round.labels.as_ref().map(|labels| distribution(labels, announcement.classes)),
        timeline: timeline(app, tx, id).await?,
        labelled: count(|label| class_of(*label).is_some()),
        abstained: count(|label| class_of(*label).is_none()),
    })
}

/// Returns how far a tally is that runs: labels of the homomorphic one, exchanges of one by several trustees.
async fn progress(app: &App, tx: &mut ReadTx, round: &RoundRow) -> Result<Option<Progress>, RoundError> {
    match app.running_tally(round.id()) {
        Some(running) => Ok(Some(running.progress)),
        None => exchanges(app, tx, round).await,
    }
}

/// Returns what the sole trustee did about a tallied round; before the tally there is nothing to say.
async fn openings(app: &App, tx: &mut ReadTx, round: &RoundRow) -> Result<Vec<OpeningView>, RoundError> {
    let tallied = round.state.last_tally().filter(|tallied| tallied.attempt.is_none());
    let Some(step) = tallied.map(|tallied| tallied.step) else { return Ok(Vec::new()) };
    let id = round.id();
    let rows = tx.openings(id, step).await?;
    let posted = rows.iter().map(OpeningRow::opening).collect::<Result<Vec<_>, _>>()?;
    let mut views = Vec::new();
    for row in tx.members().await?.iter().filter(|row| row.member.trustee) {
        let participant = row.member.id;
        let beat = app.beat(participant);
        let refused = beat.refused.into_iter().find(|refused| refused.round == Some(id));
        let online = app.is_online(row.last_seen);
        let state = match refused {
            _ if posted.iter().any(|opening| opening.trustee == participant) => OpeningState::Posted,
            Some(refused) => OpeningState::Refused { reason: refused.reason },
            None => OpeningState::Waiting { online },
        };
        let place = posted.iter().position(|opening| opening.trustee == participant);
        views.push(OpeningView {
            at: place.and_then(|place| rows.get(place)).map(|row| row.received_at),
            participant,
            name: row.member.name.clone(),
            state,
            insecure: beat.insecure,
        });
    }
    Ok(views)
}

/// Returns what became of one member; nobody is left out.
fn voter(member: &Member, state: &RoundState, ballots: &[BallotRow], refusals: &[RefusalRow]) -> Voter {
    let refusal = refusals.iter().find(|refusal| refusal.participant == member.id);
    let ballot = ballots.iter().find(|ballot| ballot.participant == member.id);
    let cast = ballot.is_some();
    let attendance = match refusal {
        _ if state.counted().contains(&member.id) => Attendance::Counted,
        _ if cast => Attendance::Cast,
        Some(refusal) if refusal.late => Attendance::Late,
        Some(_) => Attendance::Refused,
        None => Attendance::Absent,
    };
    let refusal = refusal.filter(|_| !cast);
    Voter {
        participant: member.id,
        name: member.name.clone(),
        attendance,
        reason: refusal.map(|refusal| refusal.reason.clone()),
        code: refusal.map(|refusal| refusal.code),
        at: ballot.map(|ballot| ballot.received_at).or(refusal.map(|refusal| refusal.at)),
    }
}

/// Counts the labels of each class; abstentions are of none, and so is what no class won.
fn distribution(labels: &[u16], classes: u32) -> Vec<u32> {
    let mut counts = vec![0; classes as usize];
    for label in labels {
        if let Some(count) = class_of(*label).and_then(|class| counts.get_mut(usize::from(class))) {
            *count += 1;
        }
    }
    counts
}

/// Returns one line about a round.
pub async fn summary(app: &App, tx: &mut ReadTx, round: &RoundRow) -> Result<RoundSummary, RoundError> {
    let (id, announcement) = (round.id(), &round.announcement);
    let failure = match &round.state {
        RoundState::Failed { reason, .. } => Some(reason.clone()),
        _ => None,
    };
    let openings = match round.state.last_tally() {
        Some(tallied) => tx.count_openings_of(id, tallied.step).await?,
        None => 0,
    };
    Ok(RoundSummary {
        round: id,
        phase: round.state.name().to_owned(),
        instances: announcement.instance_count,
        ballots: tx.ballots(id).await?.len() as u32,
        expected: round.roster.enrolled(),
        quorum: announcement.quorum,
        progress: progress(app, tx, round).await?,
        openings,
        trustees: round.roster.trustees().count() as u32,
        eta: eta(app, round),
        opens_at: announcement.opens_at,
        closes_at: announcement.closes_at,
        failure,
    })
}

/// Returns when the present state ends at the latest, or for a tally at its present speed.
fn eta(app: &App, round: &RoundRow) -> Option<Millis> {
    match &round.state {
        RoundState::Announced | RoundState::Voting => Some(round.announcement.closes_at),
        RoundState::Tallying { .. } => {
            let running = app.running_tally(round.id())?;
            let (done, total) = (i64::from(running.progress.done), i64::from(running.progress.total));
            let spent = app.now().0.saturating_sub(running.began.0).max(0);
            let left = spent.checked_mul(total - done)?.checked_div(done)?;
            // To the second: a finer figure would change at every look.
            Some(Millis((app.now().plus(left).0 + 999) / 1000 * 1000))
        }
        RoundState::Opening { deadline, .. } => Some(*deadline),
        _ => None,
    }
}
