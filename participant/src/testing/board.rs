//! A coordinator in memory, whose transcript is real and which can be made to cheat.

use std::collections::HashMap;

use base::{
    Step,
    clock::Millis,
    identity::Signed,
    ids::{Digest, RoundId},
};
use fhe::{Encoding, EncryptionKey, RunningSum};
use protocol::{
    ballot::{Door, StepCounts, cast, encrypt},
    federation::{FederationKeys, KeyCertificate, SharedKeys, TrusteeApproval},
    round::Opening,
    transcript::{
        BlobError, Blobs, CountedBallot, Event, EventBody, Head, Replay, TallyOutcome, TallyRecord, add_up,
        sum_digest,
    },
    wire::TranscriptPage,
};

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
                participant: number(id),
            };
            let signed = self.federation.identity(id).sign(&approval);
            self.push(EventBody::TrusteeApproved(signed));
        }
    }

    /// Publishes the keys of a sole trustee.
    pub(crate) fn publish(&mut self, certificate: &KeyCertificate) {
        let signed = self.federation.identity(1).sign(certificate);
        self.push(EventBody::Keys(signed));
    }

    /// Publishes the key that several trustees made.
    pub(crate) fn share_keys(&mut self, keys: SharedKeys, shares: Vec<Vec<u8>>) {
        for share in shares {
            self.keep(share);
        }
        self.push(EventBody::KeysShared(Box::new(keys)));
    }

    /// Goes on to a keyed federation, with a known answer that nobody computed.
    pub(crate) fn pretend_keyed(&mut self) {
        let is_sole = self.seats() == 1;
        if is_sole {
            self.push(EventBody::KnownAnswer { ballot: Digest::of(b"known ballot") });
        }
        let tally = self.pretended_tally(None);
        self.push(EventBody::Tallied(tally));
        if is_sole {
            self.pretend_opened(None, 1);
        }
        self.push(EventBody::Keyed);
    }

    /// Goes on to a keyed federation: with keys that nobody made, or that trustees in one thread made.
    pub(crate) fn keyed(federation: Federation) -> Self {
        let mut board = Self::founded(federation);
        if board.seats() == 1 {
            let certificate = board.federation.certificate();
            board.publish(&certificate);
        } else {
            board.approve_trustees();
            let made = board.federation.make_key();
            board.share_keys(made.keys(), made.keyed[0].shares.clone());
        }
        board.pretend_keyed();
        board
    }

    pub(crate) fn pretended_tally(&self, round: Option<RoundId>) -> TallyRecord {
        let outcome = match self.seats() {
            1 => TallyOutcome::Ciphertexts(Digest::of(b"ciphertexts")),
            _ => TallyOutcome::Session { attempt: 0, record: Digest::of(b"record") },
        };
        let asked = round.and_then(|round| self.replay().round(round)?.asked(Step::Label));
        let sum = asked.map_or(Digest::of(b"sum"), |asked| asked.sum);
        TallyRecord { round, step: Step::Label, sum, outcome }
    }

    /// Records that a sole trustee opened something, out of thin air.
    pub(crate) fn pretend_opened(&mut self, round: Option<RoundId>, id: u32) {
        let replay = self.replay();
        let question = replay.question(round, Step::Label).unwrap();
        let opening = Opening {
            federation: question.federation,
            round,
            step: question.step,
            tally: question.tally,
            ciphertexts: question.ciphertexts,
            trustee: number(id),
            labels: vec![1; question.instances],
        };
        let signed = self.federation.identity(id).sign(&opening);
        self.push(EventBody::Opened(signed));
    }

    /// Announces a round of four instances whose window closes at minute 10.
    pub(crate) fn announce(&mut self, round: RoundId) {
        let keys = self.replay().ceremony().keys().map(FederationKeys::digest).unwrap();
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

    fn key(&self) -> EncryptionKey {
        self.replay().encryption_key(self).unwrap()
    }

    fn encodings(&self, round: RoundId) -> Vec<Encoding> {
        let replay = self.replay();
        let record = replay.round(round).unwrap();
        let of =
            |step: &Step| record.announcement.encoding(replay.founding(), &record.roster, *step).unwrap();
        record.announcement.steps().iter().map(of).collect()
    }

    /// Casts a member's ballot of twenty votes for one class of every instance, and stores it.
    pub(crate) fn cast(&mut self, round: RoundId, id: u32, class: usize) -> (u32, Digest) {
        let (replay, encodings) = (self.replay(), self.encodings(round));
        let announcement = &replay.round(round).unwrap().announcement;
        let slots = announcement.layout().unwrap().slots();
        let counts: Vec<i64> = (0..slots).map(|slot| if slot % 3 == class { 20 } else { 0 }).collect();
        let steps: Vec<StepCounts<'_>> =
            encodings.iter().map(|encoding| StepCounts { encoding, counts: &counts }).collect();
        let identity = self.federation.identity(id);
        let ballot = cast(identity, number(id), announcement, &self.key(), &steps).unwrap();
        (id, self.keep(ballot))
    }

    /// Announces a round and closes it over everybody's ballots, all for class 1 but number 5's for class 2, and the
    /// coordinator's noise, which is none.
    pub(crate) fn closed(&mut self, round: RoundId) -> Vec<(u32, Digest)> {
        self.announce(round);
        let cast = |id| self.cast(round, id, if id == 5 { 2 } else { 1 });
        let ballots: Vec<_> = (1..=5).map(cast).collect();
        self.close(round, &ballots);
        let encodings = self.encodings(round);
        let zeros = vec![0; encodings[0].layout().slots()];
        let steps: Vec<StepCounts<'_>> =
            encodings.iter().map(|encoding| StepCounts { encoding, counts: &zeros }).collect();
        let noise = encrypt(&self.key(), &steps).unwrap();
        let digest = self.keep(noise);
        self.push(EventBody::NoiseBallot { round, digest });
        ballots
    }

    /// Adds up what is counted, as an honest coordinator does.
    pub(crate) fn honest_sum(&self, round: RoundId, step: Step) -> RunningSum {
        let replay = self.replay();
        let record = replay.round(round).unwrap();
        let door = Door { announcement: &record.announcement, roster: &record.roster };
        let ballots = record.ballots.as_deref().unwrap();
        add_up(door, ballots, record.noise_ballot.unwrap(), step, self).unwrap()
    }

    /// Asks several trustees to tally the honest sum of a step.
    pub(crate) fn ask(&mut self, round: RoundId, step: Step) {
        let sum = sum_digest(&self.honest_sum(round, step), false).unwrap();
        self.push(EventBody::Summed { round, step, sum });
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
