//! A federation of three trustees with real toy keys, dealt as the dealer deals them, and rounds tallied with them.

use std::{
    fs,
    sync::{Arc, atomic::AtomicBool},
};

use base::{
    Step,
    identity::Identity,
    ids::{Digest, RoundId},
};
use fhe::{
    BallotBody, EncryptionKey, LabelCiphertexts, ParameterSet, Resolution, RunningSum, Squashed,
    SquashedRecord, squash,
};
use protocol::{
    ballot::{Door, StepCounts, cast, encrypt},
    federation::KeyCertificate,
    transcript::{Computed, EventBody, TallyInput, TallyKeys, TallyRecord, TallySink, add_up},
};

use super::{Board, Federation, board::RECEIVED_AT, number};
use crate::{
    approval::Pin,
    home::Home,
    trustee::{
        agreement::{Seat, TrusteePin},
        ceremony::deal::Dealer,
    },
};
use base::clock::Clock;
use runtime::SystemClock;

/// Board of a keyed federation and what its coordinator computes with.
pub(crate) struct Dealt {
    pub(crate) board: Board,
    pub(crate) certificate: KeyCertificate,
    pub(crate) keys: Arc<TallyKeys>,
    key: EncryptionKey,
}

/// Returns a copy of a member's identity, as its own program would load it.
pub(crate) fn identity_of(federation: &Federation, id: u32) -> Identity {
    Identity::from_secret_bytes(&federation.identity(id).to_secret_bytes()).unwrap()
}

/// Finds a member's seat.
pub(crate) fn seat_of(board: &Board, id: u32) -> Seat {
    let identity = board.federation.identity(id);
    Seat::find(&board.replay(), number(id), (identity.public(), identity.sealing_key())).unwrap()
}

/// Returns the dealer of a board's federation, at a home of its own.
pub(crate) fn dealer_of(board: &Board, home: &Home) -> Dealer {
    home.make_folders().unwrap();
    let seat = seat_of(board, 1);
    TrusteePin::store(home, &seat, SystemClock.now()).unwrap();
    Dealer {
        home: home.clone(),
        scheme: board.federation.founding.config.scheme(),
        identity: Arc::new(identity_of(&board.federation, 1)),
        seat,
    }
}

impl Dealt {
    /// Deals real keys and goes on to a keyed federation.
    pub(crate) fn keyed() -> Self {
        Self::keyed_of(Federation::of_three_trustees())
    }

    /// Makes the keys of this federation in the same way.
    pub(crate) fn keyed_of(federation: Federation) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut board = Board::founded(federation);
        board.approve_trustees();
        let home = Home::at(folder.path());
        let dealt = dealer_of(&board, &home).prepare().unwrap();
        for (_, path) in &dealt.blobs {
            board.keep(fs::read(path).unwrap());
        }
        let certificate = dealt.certificate.unverified().unwrap();
        board.publish(&certificate);
        board.pretend_keyed();
        let key = EncryptionKey::from_bytes(&board.blobs[&certificate.public_key], certificate.parameters);
        let keys = TallyKeys::load(&certificate, &board.federation.founding.config, &board).unwrap();
        Self { board, certificate, keys: Arc::new(keys), key: key.unwrap() }
    }

    fn resolution(&self, round: RoundId) -> Resolution {
        *self.resolutions(round).last().unwrap()
    }

    /// Returns what the circuit of each step resolves; that of the labels comes last.
    fn resolutions(&self, round: RoundId) -> Vec<Resolution> {
        let replay = self.board.replay();
        let record = replay.round(round).unwrap();
        let of =
            |step: &Step| record.announcement.resolution(replay.founding(), &record.roster, *step).unwrap();
        record.announcement.steps().iter().map(of).collect()
    }

    /// Casts a member's ballot of twenty votes for one class of every instance, and stores it.
    pub(crate) fn cast(&mut self, round: RoundId, id: u32, class: usize) -> (u32, Digest) {
        let replay = self.board.replay();
        let announcement = &replay.round(round).unwrap().announcement;
        let resolutions = self.resolutions(round);
        let slots = announcement.layout().unwrap().slots();
        let counts: Vec<i64> = (0..slots).map(|slot| if slot % 3 == class { 20 } else { 0 }).collect();
        let identity = self.board.federation.identity(id);
        let steps: Vec<StepCounts<'_>> =
            resolutions.iter().map(|resolution| StepCounts { resolution, counts: &counts }).collect();
        let ballot = cast(identity, number(id), announcement, &self.key, &steps).unwrap();
        (id, self.board.keep(ballot))
    }

    /// Casts everybody's votes for class 1, but number 5's for class 2.
    pub(crate) fn cast_all(&mut self, round: RoundId) -> Vec<(u32, Digest)> {
        (1..=5).map(|id| self.cast(round, id, if id == 5 { 2 } else { 1 })).collect()
    }

    /// Announces a round and closes it over everybody's ballots and the coordinator's noise, which is none.
    pub(crate) fn closed(&mut self, round: RoundId) -> Vec<(u32, Digest)> {
        self.board.announce(round);
        let ballots = self.cast_all(round);
        self.board.close(round, &ballots);
        self.fix_noise(round);
        ballots
    }

    /// Fixes the coordinator's noise ballot: an encryption of zeros.
    pub(crate) fn fix_noise(&mut self, round: RoundId) {
        let resolutions = self.resolutions(round);
        let zeros = vec![0; resolutions[0].layout().slots()];
        let steps: Vec<StepCounts<'_>> =
            resolutions.iter().map(|resolution| StepCounts { resolution, counts: &zeros }).collect();
        let noise = encrypt(&self.key, &steps).unwrap();
        let digest = self.board.keep(noise);
        self.board.push(EventBody::NoiseBallot { round, digest });
    }

    /// Adds up what is counted, as an honest coordinator does.
    pub(crate) fn honest_sum(&self, round: RoundId) -> RunningSum {
        self.honest_sum_of(round, Step::Label)
    }

    fn honest_sum_of(&self, round: RoundId, step: Step) -> RunningSum {
        let replay = self.board.replay();
        let record = replay.round(round).unwrap();
        let door = Door { announcement: &record.announcement, roster: &record.roster };
        let ballots = record.ballots.as_deref().unwrap();
        add_up(door, ballots, record.noise_ballot.unwrap(), step, &self.board).unwrap()
    }

    /// Adds up some ballots alone, as a cheating coordinator may.
    pub(crate) fn sum_of(&self, round: RoundId, ballots: &[Digest]) -> RunningSum {
        let replay = self.board.replay();
        let record = replay.round(round).unwrap();
        let mut sum = RunningSum::new(record.announcement.layout().unwrap());
        for counted in record.ballots.iter().flatten().filter(|ballot| ballots.contains(&ballot.digest)) {
            let door = Door { announcement: &record.announcement, roster: &record.roster };
            let ballot = door.admit(&self.board.blobs[&counted.digest], counted.participant).unwrap();
            sum.add(ballot.bodies.of(Step::Label).unwrap()).unwrap();
        }
        let noise = &self.board.blobs[&record.noise_ballot.unwrap()];
        sum.add(&BallotBody::parse(noise, sum.layout()).unwrap()).unwrap();
        sum
    }

    /// Tallies a sum, whatever it is, and records it.
    pub(crate) fn tally(&mut self, round: RoundId, sum: &RunningSum) -> Computed {
        self.tally_input(round, &TallyInput::of_all(self.resolution(round), sum.clone()))
    }

    /// Tallies an honest sum of a step, for the instances that the transcript says it is about, and records it.
    pub(crate) fn tally_step(&mut self, round: RoundId, step: Step) -> Computed {
        let (replay, sum) = (self.board.replay(), self.honest_sum_of(round, step));
        let record = replay.round(round).unwrap();
        let resolution = record.announcement.resolution(replay.founding(), &record.roster, step).unwrap();
        let instances = record.instances_of(step).unwrap();
        self.tally_input(round, &TallyInput { resolution, sum, instances })
    }

    fn tally_input(&mut self, round: RoundId, input: &TallyInput) -> Computed {
        let step = if input.resolution.is_test() { Step::Test } else { Step::Label };
        let mut labels = Frame::default();
        let computed = self.keys.tally(input, &AtomicBool::new(false), &mut labels).unwrap();
        let record = computed.squashed.as_ref().unwrap().to_bytes();
        self.record((round, step), Digest::of(&input.sum.to_bytes()), labels.0, record);
        computed
    }

    fn record(&mut self, (round, step): (RoundId, Step), sum: Digest, labels: Vec<u8>, record: Vec<u8>) {
        let ciphertexts = self.board.keep(labels);
        let squashed = Some(self.board.keep(record));
        let tally = TallyRecord { round: Some(round), step, sum, ciphertexts, squashed };
        self.board.push(EventBody::Tallied(tally));
    }

    /// Records an honest sum, but puts other words in the place of the first label ciphertext; returns all squashed
    /// digits, one after another.
    pub(crate) fn tally_with_label(&mut self, round: RoundId, words: &[u64]) -> Vec<u8> {
        let sum = self.honest_sum(round);
        let resolution = self.resolution(round);
        let never = AtomicBool::new(false);
        let input = TallyInput::of_all(resolution, sum.clone());
        let mut honest = Frame::default();
        self.keys.tally(&input, &never, &mut honest).unwrap();
        let mut bytes = honest.0;
        let first = bytes.len() - resolution.layout().instances() * words.len() * 8;
        for (place, word) in bytes[first..].chunks_exact_mut(8).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        let layout = resolution.layout();
        let labels = LabelCiphertexts::from_bytes(&bytes, ParameterSet::InsecureToy, layout).unwrap();
        let (mut record, mut digits) = (SquashedRecord::new(layout), Vec::new());
        let squashing = self.keys.squashing.as_ref().unwrap();
        squash(&self.keys.evaluation, squashing, &labels, &never, |_, squashed: Vec<Squashed>| {
            for digit in squashed {
                record.push(digit.record());
                digits.extend(digit.to_bytes());
            }
        })
        .unwrap();
        self.record((round, Step::Label), Digest::of(&sum.to_bytes()), bytes, record.to_bytes());
        digits
    }

    /// Prepares a trustee's home: everything approved, its pieces received, every artefact in the cache.
    pub(crate) fn settle(&self, id: u32, home: &Home) {
        home.make_folders().unwrap();
        Pin::store(home, &self.board.federation.roster, RECEIVED_AT).unwrap();
        TrusteePin::store(home, &seat_of(&self.board, id), RECEIVED_AT).unwrap();
        self.board.fill_cache(home);
    }
}

/// Frame of the label ciphertexts.
#[derive(Default)]
struct Frame(Vec<u8>);

impl TallySink for Frame {
    fn labels(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}
