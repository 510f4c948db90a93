//! Ceremonies: a key without a dealer, and everything that can be done to it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use base::Step;
use base::identity::Identity;
use base::ids::Digest;

use super::board::{Task, World, facts, run};
use super::ceremony_lies;
use crate::ceremony::message::{Letter, Reason, Speech, Spoken};
use crate::ceremony::{
    Ceremony, CeremonyError, CeremonyRefusal, Entry, Keyed, Output, SecretBytes, SecretName, Secrets, Setup,
};
use crate::draw::Stream;
use crate::grid::Grid;
use crate::keyring::Keyring;
use crate::known_answer::{self, KnownAnswer};
use crate::phase::product::Multiplier;
use crate::plan::{Plan, Question};
use crate::sharing::{Group, Sharing, Trustee};
use crate::sum::DEGREE;

pub(super) fn identities(sharing: Sharing) -> Vec<Arc<Identity>> {
    let identity = |number| Arc::new(Identity::from_secret_bytes(&[number; 64]).unwrap());
    (1..=sharing.trustees()).map(identity).collect()
}

pub(super) fn setup(sharing: Sharing, trustee: Trustee) -> Setup {
    let trustees = identities(sharing).iter().map(|identity| identity.public()).collect();
    Setup {
        federation: Digest::of(b"federation"),
        ceremony: Digest::of(b"ceremony"),
        sharing,
        trustees,
        trustee,
    }
}

/// What a trustee's disk holds.
#[derive(Default)]
pub(super) struct Disk {
    pub(super) secrets: BTreeMap<SecretName, Vec<u8>>,
    pub(super) journal: Vec<Entry>,
}

impl Disk {
    pub(super) fn secrets(&self) -> Secrets {
        let secret = |name| self.secrets.get(&name).cloned().map(SecretBytes::new);
        Secrets {
            box_key: secret(SecretName::BoxKey),
            contributions: secret(SecretName::Contributions),
            roots: secret(SecretName::Roots),
        }
    }
}

/// All trustees of a ceremony, their disks, and the board.
pub(super) struct Stage {
    pub(super) sharing: Sharing,
    pub(super) ceremonies: BTreeMap<Trustee, Ceremony>,
    pub(super) disks: BTreeMap<Trustee, Disk>,
    pub(super) sent: Vec<(Trustee, Vec<u8>)>,
    pub(super) queue: VecDeque<(Trustee, Trustee, Vec<u8>)>,
    pub(super) keyed: BTreeMap<Trustee, Box<Keyed>>,
    pub(super) dead: BTreeMap<Trustee, Reason>,
    pub(super) named: BTreeMap<Trustee, Group>,
    pub(super) refused: Vec<CeremonyRefusal>,
    pub(super) waiting: BTreeMap<Trustee, Vec<Vec<u8>>>,
    /// Crash this trustee after it put out so many outputs.
    pub(super) crash: Option<(Trustee, usize)>,
    pub(super) crashed: bool,
}

impl Stage {
    pub(super) fn new(sharing: Sharing) -> Self {
        Self {
            sharing,
            ceremonies: BTreeMap::new(),
            disks: BTreeMap::new(),
            sent: Vec::new(),
            queue: VecDeque::new(),
            keyed: BTreeMap::new(),
            dead: BTreeMap::new(),
            named: BTreeMap::new(),
            refused: Vec::new(),
            waiting: BTreeMap::new(),
            crash: None,
            crashed: false,
        }
    }

    pub(super) fn begin(&mut self) {
        for trustee in self.sharing.everyone().members() {
            let secret = |purpose: u8| Some(SecretBytes::new(vec![trustee.number() + purpose; 32]));
            let fresh = Secrets { box_key: secret(100), contributions: secret(200), roots: None };
            self.start(trustee, fresh);
        }
    }

    pub(super) fn start(&mut self, trustee: Trustee, secrets: Secrets) {
        let identity = identities(self.sharing)[trustee.index()].clone();
        let journal = self.disks.entry(trustee).or_default().journal.clone();
        let begun = Ceremony::begin(setup(self.sharing, trustee), identity, secrets, &journal);
        let (ceremony, outputs) = begun.map_err(|error| error.to_string()).unwrap();
        self.ceremonies.insert(trustee, ceremony);
        self.take(trustee, outputs);
    }

    pub(super) fn take(&mut self, from: Trustee, outputs: Vec<Output>) {
        for output in outputs {
            if let Some((_, left)) = self.crash.as_mut().filter(|(trustee, _)| *trustee == from) {
                if *left == 0 {
                    // what was not carried out is lost with the machine
                    self.crash = None;
                    self.crashed = true;
                    self.ceremonies.remove(&from);
                    return;
                }
                *left -= 1;
            }
            let disk = self.disks.entry(from).or_default();
            match output {
                Output::Keep(name, bytes) => {
                    disk.secrets.insert(name, bytes.bytes().to_vec());
                }
                Output::Destroy(name) => {
                    disk.secrets.remove(&name);
                }
                Output::Store(entry) => disk.journal.push(entry),
                Output::Send(bytes) => {
                    self.sent.push((from, bytes.clone()));
                    let others = self.sharing.everyone().members().filter(|other| *other != from);
                    self.queue.extend(others.map(|to| (from, to, bytes.clone())));
                }
                Output::Keyed(keyed) => {
                    self.keyed.insert(from, keyed);
                }
                Output::Dead(reason) => {
                    self.dead.insert(from, reason);
                }
                Output::Named(group) => {
                    self.named.insert(from, group);
                }
            }
        }
    }

    pub(super) fn deliver(&mut self, to: Trustee, bytes: Vec<u8>) {
        let Some(ceremony) = self.ceremonies.get_mut(&to) else { return };
        match ceremony.handle(&bytes) {
            Ok(outputs) => {
                self.take(to, outputs);
                for early in self.waiting.remove(&to).unwrap_or_default() {
                    self.deliver(to, early);
                }
            }
            Err(CeremonyRefusal::Early | CeremonyRefusal::TooSoon(_)) => {
                self.waiting.entry(to).or_default().push(bytes)
            }
            Err(refusal) => self.refused.push(refusal),
        }
    }

    pub(super) fn run(&mut self, mut wire: impl FnMut(Trustee, Trustee, &[u8]) -> Vec<Vec<u8>>) {
        while let Some((from, to, bytes)) = self.queue.pop_front() {
            for arrived in wire(from, to, &bytes) {
                self.deliver(to, arrived);
            }
        }
    }

    pub(super) fn honest(&mut self) {
        self.run(|_, _, bytes| vec![bytes.to_vec()]);
    }
}

/// Runs a ceremony in which somebody may lie.
pub(super) fn stage(sharing: Sharing) -> Stage {
    let mut stage = Stage::new(sharing);
    stage.begin();
    stage.honest();
    stage
}

fn world(stage: &Stage) -> World {
    let keyrings = stage.keyed.values().map(|keyed| keyed.keyring.clone()).collect();
    World::from_keyrings(stage.sharing, keyrings, identities(stage.sharing))
}

#[test]
fn all_trustees_have_the_same_key_and_its_known_answer_comes_out() {
    for sharing in Sharing::ALL {
        let stage = stage(sharing);
        assert_eq!(stage.keyed.len(), usize::from(sharing.trustees()), "{sharing}: {:?}", stage.dead);
        let first = stage.keyed.values().next().unwrap();
        let setup = setup(sharing, sharing.trustee(1).unwrap());
        for keyed in stage.keyed.values() {
            assert_eq!(keyed.certificate, first.certificate);
            assert_eq!(
                keyed.certificate.public_key(
                    (&setup.federation, &setup.trustees),
                    &keyed.signatures,
                    &keyed.shares
                ),
                Ok(first.public_key.clone())
            );
        }
        for (trustee, disk) in &stage.disks {
            let Some(Entry::First(first)) =
                disk.journal.iter().find(|entry| matches!(entry, Entry::First(_)))
            else {
                panic!("no V1 in the journal")
            };
            let roots = SecretBytes::new(disk.secrets[&SecretName::Roots].clone());
            let certificate = &stage.keyed[trustee].certificate;
            let kept = |of: Trustee, first| {
                Keyring::from_kept((sharing, of), (Digest::of(b"ceremony"), first), &roots)
            };
            assert!(kept(*trustee, *first).unwrap().belongs_to(certificate));
            assert!(!kept(*trustee, Digest::of(b"another")).unwrap().belongs_to(certificate));
            let other = stage.disks.keys().find(|other| *other != trustee).unwrap();
            assert!(kept(*other, *first).is_none(), "these roots are of other pieces");
            assert_eq!(disk.secrets.keys().collect::<Vec<_>>(), [&SecretName::Roots], "only the roots stay");
        }
        let grid = Grid::whole(sharing, 1, |_| 7).unwrap();
        let known = KnownAnswer::new(&first.certificate.digest(), &first.public_key, 10, &grid).unwrap();
        let question = Question {
            step: Step::Label,
            layout: known.sum.layout(),
            instances: (0..known.sum.layout().instances()).collect(),
            grid,
            threshold: None,
        };
        let plan = Arc::new(Plan::new(sharing, question).unwrap());
        let task = Task { plan, sum: Arc::new(known.sum.clone()), facts: facts(0) };
        let ran = run(&world(&stage), &task, &[]);
        assert_eq!(ran.labels.len(), usize::from(sharing.quorum()));
        assert!(ran.labels.values().all(|labels| *labels == known.verdicts), "{sharing}");
    }
}

/// Ballots under a key that nobody dealt, rounded as they travel: how far phases are from counts.
#[test]
fn rounded_ballots_under_a_key_without_dealer_have_their_phases() {
    for sharing in Sharing::ALL {
        let stage = stage(sharing);
        let keyed = stage.keyed.values().next().unwrap();
        let mut random = Stream::new(&[6; 32]);
        let (mut words, mut counts) = (vec![0_u32; 2 * DEGREE], vec![0_i64; DEGREE]);
        let grid = Grid::whole(sharing, 250, |_| 8191).unwrap();
        let keys: Vec<_> = sharing
            .all_pieces()
            .into_iter()
            .map(|piece| stage.keyed.values().find_map(|keyed| keyed.keyring.key_piece(piece)).unwrap())
            .collect();
        let mut multiplier = Multiplier::default();
        for ballots in 1..=1000 {
            let votes: Vec<i64> = (0..DEGREE).map(|_| (random.next_word() % 3).cast_signed() - 1).collect();
            let ballot = known_answer::encrypt(&keyed.public_key, &grid, &votes, &mut random);
            words.iter_mut().zip(ballot).for_each(|(sum, word)| *sum = sum.wrapping_add(word));
            counts.iter_mut().zip(votes).for_each(|(sum, votes)| *sum += votes);
            if ballots != 250 && ballots != 1000 {
                continue;
            }
            let mut phases = words[DEGREE..].to_vec();
            for key in &keys {
                let product = multiplier.product(&words[..DEGREE], key);
                phases
                    .iter_mut()
                    .zip(product.iter().rev())
                    .for_each(|(phase, word)| *phase = phase.wrapping_sub(*word));
            }
            let unit = f64::from(1_u32 << (32 - grid.whole_bits()));
            let errors: Vec<f64> = phases
                .iter()
                .zip(&counts)
                .map(|(phase, count)| {
                    let wanted = (*count as u32).wrapping_shl(32 - grid.whole_bits());
                    f64::from(phase.wrapping_sub(wanted).cast_signed()) / unit
                })
                .collect();
            // E[S²], and half of what a difference may have in two: √(N(2048·E[S²]/12 + 2^16/12))
            let square = (sharing.pieces() as f64 + (sharing.pieces() as f64).powi(2)) / 4.0;
            let deviation = (f64::from(ballots) * (2048.0 * square + 65_536.0) / 12.0).sqrt() / unit;
            let found = (errors.iter().map(|error| error * error).sum::<f64>() / DEGREE as f64).sqrt();
            let worst = errors.iter().fold(0.0_f64, |worst, error| worst.max(error.abs()));
            // Errors of one list go together, since the key has a mean, so their own deviation is only of its size. A normal
            // error exceeds 6.4 deviations with a chance below 2·10^-10; all 12 288 of this test with one below 3·10^-6.
            assert!(found > deviation / 10.0, "{sharing}, {ballots}: nothing was rounded");
            assert!(worst < 6.4 * deviation, "{sharing}, {ballots} ballots: {worst} votes");
        }
    }
}

pub(super) type Lie = fn(&mut Spoken) -> bool;

/// One lie of trustee 1, and who is named for it.
pub(super) fn lie(sharing: Sharing, change: Lie) -> (Stage, usize) {
    ceremony_lies::set(move |sender, spoken| sender.number() == 1 && change(spoken));
    let stage = stage(sharing);
    (stage, ceremony_lies::end())
}

#[test]
fn every_lie_kills_the_ceremony_and_names_the_liar() {
    let lies: [(&str, Lie); 7] = [
        ("a box that does not open", |spoken| match &mut spoken.body {
            Speech::Boxes(boxes) => {
                boxes[0].sealed[40] ^= 1;
                true
            }
            _ => false,
        }),
        ("a box for another piece", |spoken| match &mut spoken.body {
            Speech::Boxes(boxes) => {
                let other = boxes.iter().position(|boxed| boxed.piece != boxes[0].piece).unwrap();
                boxes[0].sealed = boxes[other].sealed.clone();
                true
            }
            _ => false,
        }),
        ("another share", |spoken| match &mut spoken.body {
            Speech::Pieces(named) => {
                let place = named.len() - 1;
                named[place].share = Digest::of(b"another");
                true
            }
            _ => false,
        }),
        ("another name", |spoken| match &mut spoken.body {
            Speech::Pieces(named) => {
                named[0].name = Digest::of(b"another");
                true
            }
            _ => false,
        }),
        ("two boxes in one place", |spoken| match &mut spoken.body {
            Speech::Boxes(boxes) => {
                let mut second = boxes[0].clone();
                second.sealed[40] ^= 1;
                boxes.insert(1, second);
                true
            }
            _ => false,
        }),
        ("a false complaint", |spoken| match &mut spoken.body {
            Speech::Pieces(named) => {
                let piece = named[0].piece;
                spoken.body =
                    Speech::Dead(Reason::Box { sender: Sharing::FiveTwo.trustee(2).unwrap(), piece });
                true
            }
            _ => false,
        }),
        ("a weak box key", |spoken| match &mut spoken.body {
            Speech::Key(key) => {
                *key = [0; 32];
                true
            }
            _ => false,
        }),
    ];
    for sharing in Sharing::ALL {
        let liar = Group::of(sharing.trustee(1));
        for (what, change) in lies {
            let (stage, told) = lie(sharing, change);
            // another share of a piece for which the liar does not speak; with the bytes it would be refused at the door
            let kept = what == "another share" && !stage.refused.is_empty();
            assert_eq!(told, 1, "{sharing}, {what}: the lie was not told");
            assert!(stage.keyed.is_empty(), "{sharing}, {what}");
            if kept {
                continue;
            }
            let honest = stage.dead.keys().filter(|trustee| trustee.number() > 1).count();
            assert_eq!(honest, usize::from(sharing.trustees()) - 1, "{sharing}, {what}");
            for (trustee, named) in stage.named.iter().filter(|(trustee, _)| trustee.number() > 1) {
                assert_eq!(*named, liar, "{sharing}, {what}: trustee {trustee} names {named}");
            }
            assert!(stage.named.len() + 1 >= usize::from(sharing.trustees()), "{sharing}, {what}");
        }
    }
}

#[test]
fn a_certificate_after_dead_and_dead_after_a_certificate_are_refused() {
    let sharing = Sharing::ThreeOne;
    let mut done = stage(sharing);
    for ceremony in done.ceremonies.values_mut() {
        assert!(matches!(ceremony.give_up(), Err(CeremonyError::Certified)));
    }
    // one trustee gives up before the last message of the others has come: nobody gets a key
    let mut stage = Stage::new(sharing);
    stage.begin();
    let one = sharing.trustee(1).unwrap();
    stage.run(|_, to, bytes| {
        let certifies = Letter::from_bytes(bytes)
            .is_some_and(|letter| matches!(letter.signed.unverified().unwrap().body, Speech::Pieces(_)));
        if certifies && to == one { Vec::new() } else { vec![bytes.to_vec()] }
    });
    let outputs =
        stage.ceremonies.get_mut(&one).unwrap().give_up().map_err(|error| error.to_string()).unwrap();
    stage.take(one, outputs);
    stage.honest();
    assert!(stage.keyed.is_empty());
    // the two others had signed the certificate and show nothing, whatever the first asks
    assert_eq!(stage.dead.keys().copied().collect::<Vec<_>>(), [one]);
    assert!(stage.named.is_empty());
    let shown = stage.sent.iter().filter(|(_, bytes)| {
        let letter = Letter::from_bytes(bytes).unwrap();
        matches!(letter.signed.unverified().unwrap().body, Speech::Shown(_))
    });
    assert_eq!(shown.count(), 0);
    assert_eq!(
        stage.ceremonies[&one].waits_for(),
        Group::of([2, 3].map(|number| sharing.trustee(number).unwrap()))
    );
}

#[test]
fn a_restart_after_any_output_repeats_the_same_messages() {
    let sharing = Sharing::ThreeOne;
    let whole = stage(sharing);
    let victim = sharing.trustee(2).unwrap();
    let expected: Vec<&Vec<u8>> =
        whole.sent.iter().filter(|(from, _)| *from == victim).map(|(_, bytes)| bytes).collect();
    let mut crashes = 0;
    for outputs in 1..40 {
        let mut stage = Stage::new(sharing);
        stage.crash = Some((victim, outputs));
        stage.begin();
        stage.honest();
        if !stage.crashed {
            break;
        }
        crashes += 1;
        let mut secrets = stage.disks[&victim].secrets();
        if stage.disks[&victim].journal.is_empty() {
            // nothing was said, so what is missing may be drawn
            secrets.box_key = Some(SecretBytes::new(vec![victim.number() + 100; 32]));
            secrets.contributions = Some(SecretBytes::new(vec![victim.number() + 200; 32]));
        }
        stage.start(victim, secrets);
        // the driver fetches the whole board again, its own messages included
        for (_, bytes) in stage.sent.clone() {
            stage.deliver(victim, bytes);
        }
        stage.honest();
        assert_eq!(stage.keyed.len(), 3, "after {outputs} outputs: {:?} {:?}", stage.dead, stage.refused);
        let certificates = stage.keyed.values().map(|keyed| keyed.certificate.digest());
        assert!(certificates.into_iter().all(|digest| digest == whole.keyed[&victim].certificate.digest()));
        for (_, bytes) in stage.sent.iter().filter(|(from, _)| *from == victim) {
            assert!(expected.contains(&bytes), "after {outputs} outputs: another message");
        }
    }
    assert!(crashes >= 12, "{crashes} crashes");
}

#[test]
fn silence_at_every_place_leaves_no_key_and_names_who_is_waited_for() {
    let sharing = Sharing::FourOne;
    for place in 0..4 {
        let mut stage = Stage::new(sharing);
        stage.begin();
        let silent = sharing.trustee(3).unwrap();
        stage.run(|from, _, bytes| {
            let letter = Letter::from_bytes(bytes).unwrap();
            let said = letter.signed.unverified().unwrap().body.place();
            if from == silent && said >= place { Vec::new() } else { vec![bytes.to_vec()] }
        });
        for trustee in [1, 2, 4].map(|number| sharing.trustee(number).unwrap()) {
            assert_eq!(stage.ceremonies[&trustee].waits_for(), Group::of([silent]), "place {place}");
            assert!(!stage.keyed.contains_key(&trustee));
        }
    }
}

#[test]
fn a_forked_board_kills_the_ceremony() {
    // one trustee is shown other boxes of the liar than the rest: another V1
    let sharing = Sharing::ThreeOne;
    let mut stage = Stage::new(sharing);
    stage.begin();
    let (liar, victim) = (sharing.trustee(1).unwrap(), sharing.trustee(3).unwrap());
    let identity = identities(sharing)[0].clone();
    let mut told = 0;
    stage.run(|from, to, bytes| {
        let mut letter = Letter::from_bytes(bytes).unwrap();
        let mut spoken = letter.signed.unverified().unwrap();
        if from == liar
            && to == victim
            && let Speech::Boxes(boxes) = &mut spoken.body
        {
            // a box that is not the victim's
            let other = boxes.iter().position(|boxed| boxed.receiver != victim).unwrap();
            boxes[other].sealed[40] ^= 1;
            letter.signed = identity.sign(&spoken);
            told += 1;
        }
        vec![letter.to_bytes()]
    });
    assert_eq!(told, 1);
    assert!(stage.keyed.is_empty());
    assert!(stage.dead.values().any(|reason| matches!(reason, Reason::Fork(_))), "{:?}", stage.dead);
}

/// A world whose key comes from a ceremony.
pub(super) fn new_world(sharing: Sharing) -> World {
    world(&stage(sharing))
}

/// Contributions, roots and box keys are in nothing that is sent or journalled.
#[test]
fn no_secret_leaves_a_ceremony() {
    let sharing = Sharing::FourOne;
    let stage = stage(sharing);
    let mut left: Vec<u8> = stage.sent.iter().flat_map(|(_, bytes)| bytes.clone()).collect();
    for entry in stage.disks.values().flat_map(|disk| &disk.journal) {
        left.extend(base::ids::canonical(entry));
        left.extend(format!("{entry:?}").into_bytes());
    }
    let contains = |wanted: &[u8]| left.windows(wanted.len()).any(|window| window == wanted);
    let mut looked_for = 0;
    for (trustee, disk) in &stage.disks {
        let roots = &disk.secrets[&SecretName::Roots];
        let secrets = roots.chunks(33).map(|entry| entry[1..].to_vec());
        for secret in secrets.chain([100, 200].map(|purpose| vec![trustee.number() + purpose; 32])) {
            assert!(!contains(&secret), "trustee {trustee}");
            looked_for += 1;
        }
    }
    assert_eq!(looked_for, 4 * (3 + 2));
    // the control: names of pieces are public, and found
    let certificate = &stage.keyed.values().next().unwrap().certificate;
    assert!(certificate.names().iter().all(|name| contains(name.as_bytes())));
    // contributions themselves: what a dead ceremony shows is found
    ceremony_lies::set(|sender, spoken| {
        if let (1, Speech::Pieces(named)) = (sender.number(), &mut spoken.body) {
            named[0].name = Digest::of(b"another");
            return true;
        }
        false
    });
    let dead = self::stage(sharing);
    assert_eq!(ceremony_lies::end(), 1);
    let shown: Vec<[u8; 32]> = dead
        .sent
        .iter()
        .filter_map(|(_, bytes)| match Letter::from_bytes(bytes)?.signed.unverified().ok()?.body {
            Speech::Shown(shown) => Some(shown),
            _ => None,
        })
        .flatten()
        .map(|(_, contribution)| contribution)
        .collect();
    assert_eq!(shown.len(), 4 * 3);
    // the same contributions, drawn from the same secrets, are in nothing that the living ceremony sent
    assert!(shown.iter().all(|contribution| !contains(contribution)));
}

/// Runs a ceremony through a wire; returns how many trustees have a key, and how many signed that it is dead.
pub(super) fn through(
    sharing: Sharing,
    wire: impl FnMut(Trustee, Trustee, &[u8]) -> Vec<Vec<u8>>,
) -> (usize, usize) {
    let mut stage = Stage::new(sharing);
    stage.begin();
    stage.run(wire);
    (stage.keyed.len(), stage.dead.len())
}
