//! What ties a transcript to the federation that a person means: a chain can be sound and still be another one.

use base::{identity::Signed, ids::Digest};
use protocol::transcript::{Event, Replay};
use serde::Serialize;

use super::Failure;
use crate::{approval::Membership, home::Home, transcript::EventFile};
use runtime::files::FileError;

/// Where the expected federation is known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Source {
    /// The option `--federation`.
    Named,
    /// The home's enrolment.
    Home,
    /// Nothing: any federation's transcript passes.
    Nobody,
}

/// What a transcript must agree with, whatever else it contains.
#[derive(Debug)]
pub(super) struct Anchor {
    source: Source,
    expected: Option<Digest>,
    /// Events that the home's agent has seen of the expected federation.
    seen: Vec<Signed<Event>>,
}

/// What a transcript was found to be tied to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Anchored {
    /// Where the expected federation is known from.
    source: Source,
    /// Number of its first events that are the same as those the home's agent has seen.
    events_seen: usize,
}

impl Anchor {
    /// Takes the federation that was named, or else the one that the home has enrolled in, if it has.
    pub(super) fn of(home: &Home, named: Option<Digest>) -> Result<Self, FileError> {
        let enrolled = Membership::load(home)?.map(|membership| membership.federation());
        let (source, expected) = match (named, enrolled) {
            (Some(named), _) => (Source::Named, Some(named)),
            (None, Some(enrolled)) => (Source::Home, Some(enrolled)),
            (None, None) => (Source::Nobody, None),
        };
        let is_own = expected.is_some() && expected == enrolled;
        let seen = if is_own { EventFile::read(&home.transcript())? } else { Vec::new() };
        Ok(Self { source, expected, seen })
    }

    /// Compares a transcript with what is expected of it; a broken event 0 is left to the checks.
    pub(super) fn hold(&self, events: &[Signed<Event>]) -> Result<Anchored, Failure> {
        let founded = events.first().and_then(|first| Replay::begin(first).ok());
        if let (Some(replay), Some(expected)) = (founded, self.expected)
            && replay.federation() != expected
        {
            let whose =
                if self.source == Source::Named { "--federation names" } else { "this home enrolled in" };
            return Err(Failure::job(format!(
                "the transcript is one of federation {}, but {whose} {expected}",
                replay.federation()
            )));
        }
        let common = events.iter().zip(&self.seen);
        let events_seen = common.len();
        if let Some(height) = common.into_iter().position(|(shown, seen)| shown != seen) {
            return Err(Failure::job(format!(
                "the transcript is a fork: its event {height} is not the one that this home's agent has seen and keeps \
                 in state/transcript.bin; show both to the other institutions"
            )));
        }
        Ok(Anchored { source: self.source, events_seen })
    }
}

impl Anchored {
    /// Returns the same in one line for a person.
    pub(super) fn in_words(self, federation: Option<Digest>) -> String {
        let federation = federation.map_or_else(|| "unknown".to_owned(), |digest| digest.to_string());
        let tie = match self.source {
            Source::Named => "as --federation names it".to_owned(),
            Source::Home => "the one this home enrolled in".to_owned(),
            Source::Nobody => {
                "any transcript of any federation would do: compare this hash with what your institution \
                 approved, or give it as --federation"
                    .to_owned()
            }
        };
        let seen = match self.events_seen {
            0 => String::new(),
            count => format!("; its first {count} events are those that this home's agent has seen"),
        };
        format!("federation {federation}: {tie}{seen}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Board, Federation, round};

    /// Returns a home of participant 2 whose agent has seen a keyed federation, and the board that it saw.
    fn scene(folder: &std::path::Path) -> (Home, Board) {
        let home = Home::at(folder);
        home.make_folders().unwrap();
        let board = Board::keyed(Federation::of_three_trustees());
        board.federation.membership(2).store(&home).unwrap();
        EventFile::open(&home.transcript()).unwrap().0.append(&board.events).unwrap();
        (home, board)
    }

    #[test]
    fn a_home_recognises_its_federation_shorter_and_longer_than_seen_but_no_other_and_no_fork() {
        let folder = tempfile::tempdir().unwrap();
        let (home, mut board) = scene(folder.path());
        let anchor = Anchor::of(&home, None).unwrap();
        let seen = board.events.len();
        let hold = |events: &[Signed<Event>]| anchor.hold(events);
        assert_eq!(hold(&board.events[..3]).unwrap(), Anchored { source: Source::Home, events_seen: 3 });
        board.announce(round(1));
        assert_eq!(hold(&board.events).unwrap(), Anchored { source: Source::Home, events_seen: seen });

        board.roll_back(seen - 1);
        board.announce(round(1));
        let fork = hold(&board.events).unwrap_err();
        assert!(fork.message.contains(&format!("event {} is not", seen - 1)), "{}", fork.message);
        let other = Board::keyed(Federation::of_three_trustees());
        let refused = hold(&other.events).unwrap_err();
        assert!(refused.message.contains("this home enrolled in"), "{}", refused.message);
    }

    #[test]
    fn the_named_federation_counts_more_than_the_home_and_without_either_the_words_say_so() {
        let folder = tempfile::tempdir().unwrap();
        let (home, board) = scene(folder.path());
        let other = Board::keyed(Federation::of_three_trustees());
        let named = Anchor::of(&home, Some(other.replay().federation())).unwrap();
        assert!(named.hold(&board.events).unwrap_err().message.contains("--federation names"));
        assert_eq!(
            named.hold(&other.events).unwrap().events_seen,
            0,
            "what another federation showed says nothing"
        );

        let nobody = Anchor::of(&Home::at(folder.path().join("none")), None).unwrap();
        let words = nobody.hold(&other.events).unwrap().in_words(None);
        assert!(words.contains("any transcript of any federation would do"), "{words}");
    }
}
