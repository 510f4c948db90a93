//! The grounds on which a trustee decides, gathered from its home.

use base::ids::{Digest, ParticipantId, RoundId};
use protocol::{
    federation::{Roster, known_answer_round},
    transcript::Replay,
};

use super::{
    alarm::Alarms,
    log::Openings,
    rules::{Grounds, OwnBallot},
    session::record::recorded,
};
use crate::{approval::approved_roster, home::Home, teacher::journal::Journal};
use runtime::files::{FileError, digest_of};

/// What a home tells about a question.
pub(super) struct Gathered {
    participant: ParticipantId,
    keys: Option<Digest>,
    roster: Option<Roster>,
    own: Option<OwnBallot>,
    answered: Vec<RoundId>,
    alarm: Option<String>,
}

impl Gathered {
    /// Reads approvals, journal, openings, records and alarms of a home; `keys` are those known here.
    pub(super) fn of(
        home: &Home,
        replay: &Replay,
        participant: ParticipantId,
        round: Option<RoundId>,
        keys: Option<Digest>,
    ) -> Result<Self, FileError> {
        let record = round.and_then(|round| replay.round(round));
        let roster = match record {
            Some(record) => approved_roster(home, replay.federation(), record.announcement.roster)?,
            None => None,
        };
        let own = match round {
            Some(round) => own_ballot(home, round)?,
            None => None,
        };
        let shared = replay.ceremony().keys().and_then(|keys| keys.shared());
        let known_answer = shared.map(|keys| known_answer_round(keys.certificate.ceremony()));
        let mut answered = Openings::of(home).rounds()?;
        answered.extend(recorded(home)?.into_iter().filter(|id| Some(*id) != known_answer));
        let alarm = Alarms::of(home).pending()?;
        Ok(Self { participant, keys, roster, own, answered, alarm })
    }

    /// Returns them as the rule book takes them.
    pub(super) fn grounds<'a>(&'a self, replay: &'a Replay) -> Grounds<'a> {
        Grounds {
            replay,
            participant: self.participant,
            keys: self.keys,
            roster: self.roster.as_ref(),
            own: self.own.as_ref(),
            answered: &self.answered,
            alarm: self.alarm.as_deref(),
        }
    }
}

/// Returns this institution's own ballot in a round, from its journal.
fn own_ballot(home: &Home, round: RoundId) -> Result<Option<OwnBallot>, FileError> {
    let stored = digest_of(&home.round(round).join("ballot.bin"))?;
    Ok(OwnBallot::of(Journal::of(home).record(round)?.as_ref(), stored))
}
