//! The tally: drives the engine's sessions over a board, attempt after attempt, until its labels are out.
//!
//! What the engine puts out is carried out in its order: an entry of the record is on disk before the message after it is
//! posted. After a restart the attempt begins again from the record and hears the board from its beginning. Silence ends
//! nothing here: who is waited for is said, and the coordinator decides when the next attempt begins.

mod attempt;
mod error;
pub mod labels;
pub mod record;
pub mod subject;

use std::sync::Arc;

use base::{clock::Clock, identity::Identity};
use runtime::Pool;
use tally::{
    plan::Verdict,
    session::{BeginError, Entry, RecordError},
};

pub use self::error::SessionError;
use self::{attempt::Attempt, labels::Computed, record::Book, subject::Subject};
use super::{
    alarm::Alarms,
    carrier::{Carrier, Read, Reading},
    log::{LogLine, Openings},
    restored,
    standing::Standing,
};
use crate::home::Home;
use runtime::files::FileError;

/// What a trustee brings to its tallies.
#[derive(Clone)]
pub struct Tallier {
    /// Where records and labels lie.
    pub home: Home,
    /// How it signs.
    pub identity: Arc<Identity>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Where it computes.
    pub pool: Pool,
    /// Where it says how far it is.
    pub standing: Arc<Standing>,
}

/// Takes part in the tally of a subject for as long as its board is read; it ends by an error or when it is dropped.
///
/// # Errors
/// Where the record forbids it, something cannot be kept, or the coordinator refuses.
pub async fn tally(
    carrier: &impl Carrier,
    tallier: &Tallier,
    subject: &Subject,
    first: u32,
) -> Result<(), SessionError> {
    let mut desk = Desk::open(tallier, subject)?;
    let mut attempt = first;
    loop {
        attempt = desk.attempt(carrier, attempt).await?;
    }
}

/// Where the outcome of a subject is kept.
struct Desk<'a> {
    tallier: &'a Tallier,
    subject: &'a Subject,
    book: Book,
    computed: Computed,
}

impl<'a> Desk<'a> {
    fn open(tallier: &'a Tallier, subject: &'a Subject) -> Result<Self, SessionError> {
        let (home, task) = (&tallier.home, &subject.task);
        let mut book = Book::open(home, task.id(), task.step)?;
        if let Some(nonce) = restored::nonce_for(home, subject.announced_at)?
            && !book.knows(&Entry::Restored { nonce })
        {
            let entry = book.record().restore(nonce);
            book.append(entry)?;
        }
        Ok(Self { tallier, subject, book, computed: Computed::of(home, task)? })
    }

    /// Takes part in one attempt, or waits while others do; returns the next attempt.
    async fn attempt(&mut self, carrier: &impl Carrier, attempt: u32) -> Result<u32, SessionError> {
        if !self.subject.task.sharing.group(attempt).contains(self.subject.place) {
            return self.wait(carrier, attempt, "others compute").await;
        }
        match Attempt::begin(self, attempt).await {
            Ok((running, outputs)) => running.run(self, carrier, outputs).await,
            // It ended here before a restart.
            Err(SessionError::Begin(BeginError::Record(error @ RecordError::Attempt { .. }))) => {
                self.wait(carrier, attempt, &format!("waiting for the next attempt: {error}")).await
            }
            Err(error) => Err(error),
        }
    }

    /// Reads on until a later attempt is held.
    async fn wait(&self, carrier: &impl Carrier, attempt: u32, words: &str) -> Result<u32, SessionError> {
        self.say(attempt, words);
        let mut reading = Reading::of(self.subject.board, attempt);
        loop {
            if let Read::Later(later) = reading.next(carrier).await? {
                return Ok(later);
            }
        }
    }

    fn say(&self, attempt: u32, words: &str) {
        let board = self.subject.board;
        if self.tallier.standing.set(board, attempt, words.to_owned()) {
            tracing::debug!(%board, attempt, "{words}");
        }
    }

    fn enter(&mut self, entry: Entry) -> Result<(), FileError> {
        self.book.append(entry)
    }

    /// Keeps the labels of a batch, and a line about them.
    fn keep(&mut self, attempt: u32, labels: &[(u32, Verdict)]) -> Result<(), FileError> {
        let (home, task, now) = (&self.tallier.home, &self.subject.task, self.tallier.clock.now());
        let contradiction = self.computed.add(home, task, (attempt, labels))?;
        Openings::of(home).log(&LogLine {
            at: now,
            round: task.round,
            step: task.step,
            of: task.sum,
            attempt: Some(attempt),
            // At most as many as a round has instances, which fits 32 bits.
            labels: labels.len() as u32,
            counted: self.subject.counted.clone(),
        })?;
        if let Some(what) = contradiction {
            tracing::error!("ALARM: {what}");
            Alarms::of(home).raise((task.round, task.step), &what, now)?;
        }
        Ok(())
    }

    /// All labels are out: judges the known answer.
    fn finish(&mut self, attempt: u32) -> Result<(), FileError> {
        let task = &self.subject.task;
        let right = match &self.subject.expected {
            Some(expected) => self.computed.judge(&self.tallier.home, task, expected)?,
            None => true,
        };
        let (board, labels) = (self.subject.board, self.computed.labels.len());
        match right {
            true => tracing::info!(%board, attempt, labels, "the labels are open"),
            false => tracing::error!(
                "the known answer came out wrong in attempt {attempt}: it is tried again, or the federation is given up"
            ),
        }
        let words = if right { "the labels are open" } else { "the known answer came out wrong" };
        self.say(attempt, words);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
