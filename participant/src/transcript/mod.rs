//! The transcript as this agent follows it: every event checked, kept, and never unseen again.
//!
//! Before it votes, opens or takes a step of the ceremony, the agent fetches the events that are new, holds each to
//! the rules of [`Replay`], and keeps it. A chain that became shorter, that differs where it was seen before, or
//! that breaks a rule is refused, and nothing is done under it.

mod file;

use std::{future::Future, path::PathBuf, sync::Arc};

use base::{
    identity::{IdentityError, Signed},
    ids::Digest,
};
use protocol::{
    transcript::{Check, Event, EventBody, Fault, Head, Replay},
    wire::TranscriptPage,
};

pub use file::EventFile;

use crate::{approval::Membership, home::Home};
use client::{Client, ClientError};
use runtime::files::{FileError, write_json};

/// A source of pages of a transcript.
pub trait Pages {
    /// Returns events from a height on, at most a page of them.
    fn page(&self, from: u64) -> impl Future<Output = Result<TranscriptPage, ClientError>> + Send;
}

impl Pages for Client {
    fn page(&self, from: u64) -> impl Future<Output = Result<TranscriptPage, ClientError>> + Send {
        self.transcript(from)
    }
}

/// Why the coordinator's transcript is not followed.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The coordinator gave no answer or refused.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The kept events cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The kept events are of an older version.
    #[error(
        "{path} holds events of Psephos 0.1: version 0.1 reads them, this version does not", path = .0.display()
    )]
    Older(PathBuf),
    /// The chain lost events.
    #[error(
        "the transcript was rolled back: the coordinator shows {shown} events, {seen} were seen before; nothing is \
         voted or opened until it shows them again: ask the operator what happened"
    )]
    Rollback {
        /// Events shown now.
        shown: u64,
        /// Events seen before.
        seen: u64,
    },
    /// The chain differs where it was seen before.
    #[error(
        "the transcript was forked: event {height} was seen with digest {seen}, the coordinator now shows {shown}; \
         nothing is voted or opened; state/fork.json holds both signed events: show it to the other institutions"
    )]
    Fork {
        /// Height of the event.
        height: u64,
        /// Digest of the event that was seen.
        seen: Digest,
        /// Digest of the event shown now.
        shown: Digest,
    },
    /// An event breaks a rule.
    #[error("the transcript breaks a rule: {0}; nothing is voted or opened: ask the operator what happened")]
    Rule(#[from] Fault),
    /// The chain begins with another federation.
    #[error(
        "the transcript founds federation {shown}, but this institution enrolled in {pinned}; nothing is voted or \
         opened"
    )]
    OtherFederation {
        /// Hash of event 0 as shown.
        shown: Digest,
        /// Hash of event 0 as pinned at enrolment.
        pinned: Digest,
    },
    /// A page lacks events that it says there are.
    #[error("the coordinator says that it has {length} events, but shows none from {from} on")]
    Missing {
        /// Height asked for.
        from: u64,
        /// Events that it says there are.
        length: u64,
    },
}

impl FollowError {
    /// Returns whether the coordinator was only away, so that nothing is known about its transcript.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Client(error) if error.is_transient())
    }
}

/// The chain as far as this agent has seen it.
#[derive(Debug)]
pub struct Chain {
    home: Home,
    pinned: Digest,
    /// Where events are kept; `None` if this program only looks.
    file: Option<EventFile>,
    seen: Option<Seen>,
}

/// What the events that were seen say, and the last of them.
#[derive(Debug, Clone)]
struct Seen {
    replay: Arc<Replay>,
    last: Signed<Event>,
}

impl Chain {
    /// Loads the kept events and keeps new ones; only the agent, which holds the home's lock, may do so.
    pub fn load(home: &Home, membership: &Membership) -> Result<Self, FollowError> {
        let (file, events) = EventFile::open(&home.transcript())?;
        Self::of(home, membership, Some(file), &events)
    }

    /// Loads the kept events for looking: what is new is followed in memory alone.
    pub fn peek(home: &Home, membership: &Membership) -> Result<Self, FollowError> {
        Self::of(home, membership, None, &EventFile::read(&home.transcript())?)
    }

    fn of(
        home: &Home,
        membership: &Membership,
        file: Option<EventFile>,
        events: &[Signed<Event>],
    ) -> Result<Self, FollowError> {
        if is_older(events) {
            return Err(FollowError::Older(home.transcript()));
        }
        let pinned = membership.federation();
        let mut chain = Self { home: home.clone(), pinned, file: None, seen: None };
        chain.take(events).map_err(|error| match error {
            FollowError::Rule(fault) => FileError::damaged(&home.transcript(), &fault).into(),
            other => other,
        })?;
        Ok(Self { file, ..chain })
    }

    /// Returns the number of events that were seen.
    pub fn length(&self) -> u64 {
        self.seen.as_ref().map_or(0, |seen| seen.replay.head().length)
    }

    /// Returns what the events that were seen say; `None` before the first.
    pub fn replay(&self) -> Option<Arc<Replay>> {
        self.seen.as_ref().map(|seen| Arc::clone(&seen.replay))
    }

    /// Fetches what is new, checks that nothing seen before changed, and returns what the whole chain says.
    ///
    /// # Errors
    /// On a rollback, a fork or a broken rule the chain stays where it was.
    pub async fn follow(&mut self, pages: &impl Pages) -> Result<Arc<Replay>, FollowError> {
        loop {
            // The last known event is asked for again: a fork shows even where no event is new.
            let from = self.length().saturating_sub(1);
            let TranscriptPage { events, length } = pages.page(from).await?;
            let events = self.beyond_known(&events, length)?;
            self.take(events)?;
            match &self.seen {
                Some(seen) if seen.replay.head().length >= length => return Ok(Arc::clone(&seen.replay)),
                _ if events.is_empty() => return Err(FollowError::Missing { from: self.length(), length }),
                _ => {}
            }
        }
    }

    /// Checks that a page begins with the last known event, and returns the events after it.
    fn beyond_known<'a>(
        &self,
        events: &'a [Signed<Event>],
        length: u64,
    ) -> Result<&'a [Signed<Event>], FollowError> {
        let Some(Seen { replay, last }) = &self.seen else { return Ok(events) };
        let head = replay.head();
        if length < head.length {
            return Err(FollowError::Rollback { shown: length, seen: head.length });
        }
        let height = head.length - 1;
        let (again, rest) = events.split_first().ok_or(FollowError::Missing { from: height, length })?;
        let refuse = |what: String| Check::Chain.fault(height, what);
        let event = again.verify(&replay.coordinator()).map_err(|e| refuse(e.to_string()))?;
        let shown = Head::after(&event).digest;
        if shown != head.digest {
            // Both are signed by the coordinator: whoever sees them knows that it told two stories.
            if self.file.is_some() {
                write_json(&self.home.state().join("fork.json"), &[last, again])?;
            }
            return Err(FollowError::Fork { height, seen: head.digest, shown });
        }
        Ok(rest)
    }

    /// Applies events that follow, keeps them, and only then knows them; those before a broken rule are kept too.
    fn take(&mut self, events: &[Signed<Event>]) -> Result<(), FollowError> {
        let mut replay = self.seen.as_ref().map(|seen| (*seen.replay).clone());
        let mut followed = 0;
        let outcome = events.iter().try_for_each(|signed| {
            match &mut replay {
                Some(replay) => replay.follow(signed)?,
                None => replay = Some(self.begin(signed)?),
            }
            followed += 1;
            Ok(())
        });
        let good = events.get(..followed).unwrap_or_default();
        if let (Some(replay), Some(last)) = (replay, good.last()) {
            if let Some(file) = &mut self.file {
                file.append(good)?;
            }
            self.seen = Some(Seen { replay: Arc::new(replay), last: last.clone() });
        }
        outcome
    }

    /// Begins with event 0, which must be the one pinned at enrolment.
    fn begin(&self, first: &Signed<Event>) -> Result<Replay, FollowError> {
        let replay = Replay::begin(first)?;
        let (shown, pinned) = (replay.federation(), self.pinned);
        if shown != pinned {
            return Err(FollowError::OtherFederation { shown, pinned });
        }
        Ok(replay)
    }
}

/// Returns whether events are of another form than this version writes: signed as they stand, but not readable.
fn is_older(events: &[Signed<Event>]) -> bool {
    let Some((first, rest)) = events.split_first() else { return false };
    let Ok(Event { body: EventBody::Founded(founding), .. }) = first.unverified() else { return true };
    let coordinator = founding.coordinator;
    rest.iter().any(|event| matches!(event.verify(&coordinator), Err(IdentityError::Malformed(_))))
}

#[cfg(test)]
mod tests;
