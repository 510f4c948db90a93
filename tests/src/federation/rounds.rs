//! Rounds: announced, followed, read.

use std::time::Duration;

use anyhow::{Context as _, bail};
use base::{
    identity::Signed,
    ids::{Digest, RoundId},
};
use protocol::{
    round::RoundState,
    transcript::{Event, EventBody, Head},
    wire::{Labels, LedgerView, RoundSummary, RoundView, TranscriptPage},
};

use super::{Federation, utf8};
use crate::wait::{PATIENCE, until};

/// A round to be announced: instances, window and id.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Canonical bytes of the instances.
    pub instances: Vec<u8>,
    /// The window, such as `10m`.
    pub window: String,
}

impl Candidate {
    /// Returns a round over these instances with a long window.
    pub fn over(instances: Vec<u8>) -> Self {
        Self { instances, window: "10m".to_owned() }
    }

    /// Closes the window after so many seconds.
    #[must_use]
    pub fn within_seconds(mut self, seconds: u32) -> Self {
        self.window = format!("{seconds}s");
        self
    }
}

impl Federation {
    /// Announces a round and returns its id.
    pub fn announce(&self, candidate: &Candidate) -> anyhow::Result<RoundId> {
        let path = self.folder.join(format!("instances-{}.npy", Digest::of(&candidate.instances).short()));
        std::fs::write(&path, &candidate.instances)?;
        let arguments = ["round", "create", "--instances", utf8(&path)?, "--window", &candidate.window];
        let view: RoundView = self.ask(&arguments)?;
        Ok(view.round)
    }

    /// Returns everything public about a round.
    pub fn round(&self, round: RoundId) -> anyhow::Result<RoundView> {
        self.api.get(&format!("/rounds/{round}"), &self.operator_token()?)?.json()
    }

    /// Waits until a round is as wanted; a round that ended otherwise ends the wait.
    pub fn wait_for(
        &self,
        round: RoundId,
        what: &str,
        mut wanted: impl FnMut(&RoundView) -> bool,
    ) -> anyhow::Result<RoundView> {
        until(&format!("{what} in round {round}"), PATIENCE, || {
            // A coordinator that is just being restarted does not answer.
            let Ok(view) = self.round(round) else { return Ok(None) };
            if wanted(&view) {
                return Ok(Some(view));
            }
            if view.state.is_final() {
                bail!("waited for {what}, but round {round} is {:?}", view.state);
            }
            Ok(None)
        })
    }

    /// Waits for the release and returns the labels.
    pub fn wait_for_labels(&self, round: RoundId) -> anyhow::Result<Labels> {
        self.wait_for(round, "the release", |view| released(&view.state))?;
        self.ask(&["round", "labels", &round.to_string()])
    }

    /// Waits until a round is in the state of that name.
    pub fn wait_for_state(&self, round: RoundId, name: &str) -> anyhow::Result<RoundView> {
        self.wait_for(round, name, |view| view.state.name() == name)
    }

    /// Returns the whole transcript, every link and signature checked.
    pub fn transcript(&self) -> anyhow::Result<Vec<Event>> {
        self.signed_transcript()?.iter().map(|signed| Ok(signed.unverified()?)).collect()
    }

    /// Returns the whole transcript as the coordinator signed it, every link and signature checked.
    pub fn signed_transcript(&self) -> anyhow::Result<Vec<Signed<Event>>> {
        let signer = self.view()?.founding.coordinator;
        let (mut events, mut head) = (Vec::new(), Head::EMPTY);
        loop {
            let page = self.api.get(&format!("/transcript?from={}", head.length), &self.operator_token()?)?;
            let page: TranscriptPage = page.json()?;
            if page.events.is_empty() && head.length < page.length {
                bail!("the transcript has {} events, but a page from {} is empty", page.length, head.length);
            }
            for signed in page.events {
                head = head.follow(&signed, &signer)?.1;
                events.push(signed);
            }
            if head.length >= page.length {
                return Ok(events);
            }
        }
    }

    /// Returns the ballots that a round counted: who cast each, and its digest.
    pub fn counted(&self, round: RoundId) -> anyhow::Result<Vec<(u32, Digest)>> {
        let closed = self.transcript()?.into_iter().find_map(|event| match event.body {
            EventBody::WindowClosed { round: of, ballots } if of == round => Some(ballots),
            _ => None,
        });
        let ballots = closed.with_context(|| format!("the window of round {round} is not closed"))?;
        Ok(ballots.into_iter().map(|ballot| (ballot.participant.get(), ballot.digest)).collect())
    }

    /// Ends a round at the operator's wish.
    pub fn cancel(&self, round: RoundId) -> anyhow::Result<()> {
        self.operate(&["round", "cancel", &round.to_string()], PATIENCE)?.success()?;
        Ok(())
    }

    /// Returns every round of the coordinator, in words.
    pub fn rounds(&self) -> anyhow::Result<Vec<RoundSummary>> {
        self.ask(&["round", "list"])
    }

    /// Returns what all rounds together have cost, as the coordinator says.
    pub fn ledger(&self) -> anyhow::Result<LedgerView> {
        self.ask(&["ledger", "show"])
    }

    /// Reads a blob from the coordinator's folder and checks its digest.
    pub fn blob(&self, digest: Digest) -> anyhow::Result<Vec<u8>> {
        let name = digest.to_string();
        let path = self.coordinator_home().join("blobs").join(name.get(..2).unwrap_or_default()).join(&name);
        let bytes = std::fs::read(&path).with_context(|| path.display().to_string())?;
        anyhow::ensure!(Digest::of(&bytes) == digest, "{} is damaged", path.display());
        Ok(bytes)
    }

    /// Waits for so long, where a story needs time to pass.
    pub fn let_pass(&self, span: Duration) {
        std::thread::sleep(span);
    }
}

/// Returns whether a round's labels are released.
pub const fn released(state: &RoundState) -> bool {
    matches!(state, RoundState::Released { .. })
}
