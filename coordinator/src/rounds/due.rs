//! What is due in a round, and taking that one step.

use base::{
    Step,
    ids::{Digest, RoundId},
};
use protocol::round::{RoundState, Summed, TallyTerms};
use tracing::{Instrument as _, Span, field::display};

use super::{
    RoundError, close, noise, opening,
    release::damage,
    shared,
    tally::{self, due_step},
};
use crate::{app::App, storage::RoundRow};

/// What is due in a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    Open,
    Close,
    Noise,
    /// The homomorphic tally of a step, with this noise ballot.
    Tally(Step, Digest),
    /// Several trustees are to be asked to tally a step, with this noise ballot.
    Ask(Step, Digest),
    /// The trustees that were asked may have labels, or have taken too long.
    Follow(Summed),
    /// The opening of a tally may be there, or its deadline has passed.
    Settle(Step),
    /// Nothing passed the test of a two-step round.
    ReleaseNothing,
}

impl Due {
    const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Close => "close",
            Self::Noise => "noise",
            Self::Tally(..) => "tally",
            Self::Ask(..) => "ask",
            Self::Follow(_) => "follow",
            Self::Settle(_) => "settle",
            Self::ReleaseNothing => "release nothing",
        }
    }

    /// Returns the span of everything that is logged while it is done, on the pool too.
    fn span(self, round: RoundId) -> Span {
        let step = match self {
            Self::Tally(step, _) | Self::Ask(step, _) | Self::Settle(step) => Some(display(step)),
            Self::Follow(summed) => Some(display(summed.step)),
            Self::Open | Self::Close | Self::Noise | Self::ReleaseNothing => None,
        };
        tracing::info_span!("step", %round, due = self.name(), step)
    }
}

/// Takes one round one step further if that is due, and tells whether it moved.
pub(super) async fn step(app: &App, id: RoundId) -> Result<bool, RoundError> {
    let mut tx = app.storage.read().await?;
    let Some(round) = tx.round(id).await? else { return Ok(false) };
    let ballots = tx.ballots(id).await?.len();
    drop(tx);
    let Some(due) = due(app, &round, ballots) else { return Ok(false) };
    go_or_fail(app, round, due).instrument(due.span(id)).await
}

fn due(app: &App, round: &RoundRow, ballots: usize) -> Option<Due> {
    match &round.state {
        RoundState::Announced => Some(Due::Open),
        RoundState::Voting => {
            let is_complete = ballots >= round.roster.members.len();
            (is_complete || app.now() >= round.announcement.closes_at).then_some(Due::Close)
        }
        RoundState::Tallying { noise_ballot: None, .. } => Some(Due::Noise),
        RoundState::Tallying { tested: Some(test), .. } if test.passed == 0 => Some(Due::ReleaseNothing),
        RoundState::Tallying { summed: Some(summed), .. } => Some(Due::Follow(*summed)),
        RoundState::Tallying { noise_ballot: Some(noise), .. } => Some(match round.announcement.tally {
            TallyTerms::Homomorphic { .. } => Due::Tally(due_step(round), *noise),
            TallyTerms::Shared { .. } => Due::Ask(due_step(round), *noise),
        }),
        RoundState::Opening { tallied, .. } => Some(Due::Settle(tallied.step)),
        RoundState::Released { .. } | RoundState::Failed { .. } | RoundState::Cancelled { .. } => None,
    }
}

/// Does what is due; where trying again cannot help, the round fails and says why.
async fn go_or_fail(app: &App, round: RoundRow, due: Due) -> Result<bool, RoundError> {
    let id = round.id();
    match go(app, round, due).await {
        Err(error) if error.is_lasting() => damage(app, id, error.to_string()).await.map(|()| true),
        done => done,
    }
}

async fn go(app: &App, round: RoundRow, due: Due) -> Result<bool, RoundError> {
    let id = round.id();
    match due {
        Due::Open => close::open(app, id).await.map(|()| true),
        Due::Close => close::close(app, id).await.map(|()| true),
        Due::Noise => noise::draw_noise(app, round).await.map(|()| true),
        Due::Tally(step, noise) => tally::tally(app, round, (step, noise)).await,
        Due::Ask(step, noise) => shared::ask(app, round, (step, noise)).await,
        Due::Follow(summed) => shared::follow(app, round, summed).await,
        Due::Settle(_) => opening::settle(app, &round).await,
        Due::ReleaseNothing => opening::release_nothing(app, &round).await,
    }
}
