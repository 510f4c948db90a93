//! A coordinator in memory, whose transcript is real and which can be made to cheat.

use std::collections::HashMap;

use base::{
    Step,
    clock::Millis,
    identity::Signed,
    ids::{Digest, RoundId},
};
use protocol::{
    federation::{Acknowledgement, KeyCertificate, TrusteeApproval},
    round::{Opening, OpeningContent},
    transcript::{BlobError, Blobs, CountedBallot, Event, EventBody, Head, Replay, TallyRecord},
    wire::TranscriptPage,
};
use threshold::Shares;

use super::{Federation, number};
use crate::{home::Home, transcript::Pages};
use client::ClientError;

/// A federation, the transcript of its coordinator, and the artefacts; nothing stops it from lying.
pub(crate) struct Board {
    pub(crate) federation: Federation,
    pub(crate) events: Vec<Signed<Event>>,
    pub(crate) blobs: HashMap<Digest, Vec<u8>>,
    /// Most events in one page.
    pub(crate) page: usize,
    head: Head,
}

impl Board {
    /// Founds the federation and enrols its five members.
    pub(crate) fn founded(federation: Federation) -> Self {
        let (events, blobs) = (Vec::new(), HashMap::new());
        let mut board = Self { federation, events, blobs, page: 4, head: Head::EMPTY };
        board.push(EventBody::Founded(board.federation.founding.clone()));
        for member in board.federation.roster.members.clone() {
            board.push(EventBody::Enrolled(member));
        }
        board
    }

    /// Signs and appends an event, whether it keeps the rules or not.
    pub(crate) fn push(&mut self, body: EventBody) {
        let at = Millis(self.events.len() as i64);
        self.push_at(at, body);
    }

    pub(crate) fn push_at(&mut self, at: Millis, body: EventBody) {
        let event = self.head.next(at, body);
        self.head = Head::after(&event);
        self.events.push(self.federation.coordinator.sign(&event));
    }

    /// Takes events back, as an honest coordinator never does.
    pub(crate) fn roll_back(&mut self, length: usize) {
        self.events.truncate(length);
        let last = self.events.last().unwrap().unverified().unwrap();
        self.head = Head::after(&last);
    }

    /// Stores an artefact under its digest.
    pub(crate) fn keep(&mut self, bytes: Vec<u8>) -> Digest {
        let digest = Digest::of(&bytes);
        self.blobs.insert(digest, bytes);
        digest
    }

    /// Fills a home with every artefact, as if it had downloaded them.
    pub(crate) fn fill_cache(&self, home: &Home) {
        std::fs::create_dir_all(home.blobs()).unwrap();
        for (digest, bytes) in &self.blobs {
            std::fs::write(home.blob(*digest), bytes).unwrap();
        }
    }

    /// Returns what the events say; they must keep the rules.
    pub(crate) fn replay(&self) -> Replay {
        Replay::of(&self.events).unwrap()
    }

    fn seats(&self) -> u32 {
        u32::from(self.federation.founding.config.trustees.count)
    }

    /// Approves, for every trustee, the others.
    pub(crate) fn approve_trustees(&mut self) {
        let trustees = self.replay().trustees();
        for id in 1..=self.seats() {
            let approval = TrusteeApproval {
                federation: trustees.federation,
                trustees: trustees.digest(),
                dealer: number(1),
                participant: number(id),
            };
            let signed = self.federation.identity(id).sign(&approval);
            self.push(EventBody::TrusteeApproved(signed));
        }
    }

    /// Publishes keys and lets every trustee acknowledge its pieces, whether it has any or not.
    pub(crate) fn publish(&mut self, certificate: &KeyCertificate) {
        let signed = self.federation.identity(1).sign(certificate);
        self.push(EventBody::Keys(signed));
        let (federation, keys) = (certificate.federation, certificate.digest());
        for id in (1..=self.seats()).filter(|_| certificate.sharing.is_some()) {
            let statement = Acknowledgement { federation, keys, participant: number(id) };
            let signed = self.federation.identity(id).sign(&statement);
            self.push(EventBody::Acknowledged(signed));
        }
    }

    /// Goes on to a keyed federation, with a known answer that nobody computed.
    pub(crate) fn pretend_keyed(&mut self) {
        self.push(EventBody::KnownAnswer { ballot: Digest::of(b"known ballot") });
        let tally = self.pretended_tally(None);
        self.push(EventBody::Tallied(tally));
        (1..=self.seats()).for_each(|id| self.pretend_opened(None, id));
        self.push(EventBody::Keyed);
    }

    /// Builds the whole ceremony out of thin air: the transcript keeps the rules, and there are no keys.
    pub(crate) fn keyed(federation: Federation) -> Self {
        let mut board = Self::founded(federation);
        if board.seats() > 1 {
            board.approve_trustees();
        }
        let certificate = board.federation.certificate();
        board.publish(&certificate);
        board.pretend_keyed();
        board
    }

    pub(crate) fn pretended_tally(&self, round: Option<RoundId>) -> TallyRecord {
        TallyRecord {
            round,
            step: Step::Label,
            sum: Digest::of(b"sum"),
            ciphertexts: Digest::of(b"ciphertexts"),
            squashed: (self.seats() > 1).then(|| Digest::of(b"squashed")),
        }
    }

    /// Records that a trustee opened something with shares, or labels, out of thin air.
    pub(crate) fn pretend_opened(&mut self, round: Option<RoundId>, id: u32) {
        let replay = self.replay();
        let question = replay.question(round, Step::Label).unwrap();
        let content = match replay.rows_of(number(id)) {
            None => OpeningContent::Labels(vec![1; question.instances]),
            Some(rows) => OpeningContent::Shares(Shares { values: vec![vec![7; question.instances]; rows] }),
        };
        let opening = Opening {
            federation: question.federation,
            round,
            step: question.step,
            tally: question.tally,
            ciphertexts: question.ciphertexts,
            trustee: number(id),
            content,
        };
        let signed = self.federation.identity(id).sign(&opening);
        self.push(EventBody::Opened(signed));
    }

    /// Announces a round of four instances whose window closes at minute 10.
    pub(crate) fn announce(&mut self, round: RoundId) {
        let keys = self.replay().ceremony().certificate().unwrap().digest();
        let announcement = self.federation.announce_with(round, keys);
        self.push(EventBody::Announced(announcement));
    }

    /// Closes a window at its end over ballots that came a moment after it opened.
    pub(crate) fn close(&mut self, round: RoundId, ballots: &[(u32, Digest)]) {
        let closes_at = self.replay().round(round).unwrap().announcement.closes_at;
        let counted = |(id, digest): &(u32, Digest)| CountedBallot {
            participant: number(*id),
            digest: *digest,
            received_at: RECEIVED_AT,
        };
        let ballots = ballots.iter().map(counted).collect();
        self.push_at(closes_at, EventBody::WindowClosed { round, ballots });
    }
}

/// When every ballot arrives.
pub(crate) const RECEIVED_AT: Millis = Millis(11);

impl Pages for Board {
    async fn page(&self, from: u64) -> Result<TranscriptPage, ClientError> {
        let from = from as usize;
        let events = self.events.iter().skip(from).take(self.page).cloned().collect();
        Ok(TranscriptPage { events, length: self.events.len() as u64 })
    }
}

impl Blobs for Board {
    fn blob(&self, digest: Digest) -> Result<Vec<u8>, BlobError> {
        self.blobs.get(&digest).cloned().ok_or(BlobError::Withheld)
    }
}
