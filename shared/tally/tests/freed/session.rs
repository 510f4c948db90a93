//! One attempt of all present trustees in one thread, over the public API, and the secrets of its batch.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use aes_gcm::aead::Aead as _;
use aes_gcm::{Aes256Gcm, Key as SealKey, KeyInit as _, Nonce};
use base::Step;
use base::ids::{Digest, RoundId};
use tally::ceremony::{Keyed, PublicKey};
use tally::grid::Grid;
use tally::known_answer::encrypt_counts;
use tally::plan::{Plan, Question, Verdict};
use tally::session::{Facts, Output, Party, Record, Session};
use tally::sharing::{Piece, Sharing, Trustee};
use tally::sum::{DEGREE, Layout, Sum};

use super::ceremony::{federation, identity, trustees};
use super::secrets::{self, CHECK_SALT, Key, LABEL_SALT, MASK, ROW, SEAL, Secret};

const CLASSES: usize = 3;
const COUNTS: [i64; 18] = [3, 5, 4, 2, 2, 1, 0, 7, 6, 9, 1, 1, 4, 4, 4, 2, 3, 8];

/// What is tallied.
pub(crate) struct Task {
    plan: Arc<Plan>,
    sum: Arc<Sum>,
}

impl Task {
    pub(crate) fn new(sharing: Sharing, key: &PublicKey) -> Self {
        let grid = Grid::whole(sharing, 250, |_| 15).unwrap();
        let instances = (COUNTS.len() / CLASSES) as u32;
        let layout = Layout::new(CLASSES as u16, instances).unwrap();
        let sum = Sum::new(layout, encrypt_counts(key, &grid, layout, &COUNTS, 1)).unwrap();
        let question = Question {
            step: Step::Label,
            layout,
            instances: (0..instances).collect(),
            grid,
            threshold: None,
        };
        Self { plan: Arc::new(Plan::new(sharing, question).unwrap()), sum: Arc::new(sum) }
    }

    /// The pieces of products and of rounded phases. They add up to the counts, which shows that they are right.
    pub(crate) fn phases(&self, key: &Key) -> Vec<Secret> {
        let grid = self.plan.question().grid;
        let (mask, bodies) = self.sum.words().split_at(DEGREE);
        let wide: Vec<u64> = mask.iter().map(|word| u64::from(*word)).collect();
        let (mut secrets, mut sums) = (Vec::new(), vec![0_u32; bodies.len()]);
        for (piece, bits) in key.bits.iter().enumerate() {
            let product: Vec<u32> =
                secrets::negacyclic(&wide, bits).into_iter().map(|word| word as u32).collect();
            let rounded: Vec<u32> = (0..bodies.len())
                .map(|slot| {
                    let body = if piece == 0 { bodies[slot] } else { 0 };
                    let dropped = 32 - grid.width();
                    body.wrapping_sub(product[DEGREE - 1 - slot]).wrapping_add(1 << (dropped - 1)) >> dropped
                })
                .collect();
            sums.iter_mut().zip(&rounded).for_each(|(sum, number)| *sum = sum.wrapping_add(*number));
            let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
            secrets.push(Secret::new(format!("product of piece {piece}"), words(&product), 16));
            secrets.push(Secret::new(format!("phases of piece {piece}"), words(&rounded), 64));
        }
        for (sum, count) in sums.into_iter().zip(COUNTS) {
            let unit = 32 - grid.width();
            let error =
                (sum << unit).wrapping_sub((count as u32) << grid.fraction_bits() << unit).cast_signed()
                    >> unit;
            assert!(error.abs() < 1 << (grid.fraction_bits() - 1), "the control: phases");
        }
        secrets
    }
}

/// A message as it lies in its bytes.
struct Heard {
    sender: u8,
    numbers: [u32; 3],
    session: Digest,
    seen: Digest,
    kind: u8,
    body: Vec<u8>,
    sealed: Vec<u8>,
}

const CORRECTION: u8 = 1;
const AGREEMENT: u8 = 2;
const CHECK: u8 = 3;

impl Heard {
    fn new(bytes: &[u8]) -> Self {
        let (length, rest) = bytes.split_first_chunk::<4>().unwrap();
        let (said, rest) = rest.split_at(u32::from_le_bytes(*length) as usize);
        let digest = |bytes: &[u8]| Digest::from_bytes(bytes.try_into().unwrap());
        let number = |place: usize| u32::from_le_bytes(said[place..place + 4].try_into().unwrap());
        Self {
            sender: said[44],
            numbers: [number(32), number(36), number(40)],
            session: digest(&said[..32]),
            seen: digest(&said[45..77]),
            kind: said[77],
            body: said[78..].to_vec(),
            sealed: rest[64 + 4..].to_vec(),
        }
    }

    fn draw(&self, root: &[u8; 32], purpose: u8, sender: u8, piece: usize) -> [u8; 32] {
        let parties = [sender, 0, piece as u8];
        secrets::draw(root, &secrets::label(purpose, &self.session, self.numbers, &self.seen, parties))
    }

    /// The salts and bytes that an opening publishes.
    fn openings(&self) -> Vec<(usize, [u8; 32], Vec<u8>)> {
        let (mut rest, mut all) = (&self.body[4..], Vec::new());
        while let Some((piece, after)) = rest.split_first() {
            let (salt, after) = after.split_first_chunk::<32>().unwrap();
            let (length, after) = after.split_first_chunk::<4>().unwrap();
            let (bytes, after) = after.split_at(u32::from_le_bytes(*length) as usize);
            all.push((usize::from(*piece), *salt, bytes.to_vec()));
            rest = after;
        }
        all
    }
}

/// What was sent in an attempt, and its labels.
pub(crate) struct Ran {
    pub(crate) sent: Vec<Vec<u8>>,
    pub(crate) labels: BTreeMap<Trustee, Vec<(u32, Verdict)>>,
    present: Vec<Trustee>,
}

impl Ran {
    fn heard(&self) -> impl Iterator<Item = Heard> {
        self.sent.iter().map(|bytes| Heard::new(bytes))
    }

    /// The exchange in which it is stated what will be opened.
    pub(crate) fn agreement(&self) -> u32 {
        self.heard().find(|heard| heard.kind == AGREEMENT).unwrap().numbers[2]
    }

    /// Every mask and every key of a seal that was drawn, and the salts.
    pub(crate) fn draws(&self, key: &Key) -> Vec<Secret> {
        let (mut secrets, mut opened, mut padded) = (BTreeMap::new(), 0, 0);
        let mut add = |name: String, bytes: Vec<u8>| {
            secrets.insert(name.clone(), Secret::new(name, bytes, 16));
        };
        for heard in self.heard().filter(|heard| heard.kind == CORRECTION) {
            let words = (heard.sealed.len() - 16) / 8;
            let sender = key.sharing.trustee(heard.sender).unwrap();
            for piece in key.sharing.held(sender).into_iter().map(Piece::index) {
                let root = &key.roots[piece];
                let seal = heard.draw(root, SEAL, heard.sender, piece);
                let name =
                    |what: &str| format!("{what} {:?} by {} for piece {piece}", heard.numbers, heard.sender);
                let cipher = Aes256Gcm::new(SealKey::<Aes256Gcm>::from_slice(&seal));
                if let Ok(plain) = cipher.decrypt(&Nonce::default(), heard.sealed.as_slice()) {
                    opened += 1;
                    padded +=
                        usize::from(heard.numbers[2] == 1 && padding(key, &heard, sender, piece, &plain));
                    add(name("seal"), seal.to_vec());
                    add(name("correction"), plain);
                    continue;
                }
                let mask = heard.draw(root, MASK, heard.sender, piece);
                add(name("mask"), secrets::bytes(&secrets::stream(&mask, words)).collect());
                add(name("key of the mask"), mask.to_vec());
            }
        }
        let corrections = self.heard().filter(|heard| heard.kind == CORRECTION).count();
        assert_eq!(opened, corrections, "the control: seals");
        // at (4, 1) all that are present hold piece 0, which bears the constants
        assert_eq!(padded > 0, key.sharing != Sharing::FourOne, "the control: masks");
        let last = self.heard().filter(|heard| heard.kind == CORRECTION).max_by_key(|heard| heard.numbers[2]);
        for (piece, root) in key.roots.iter().enumerate() {
            let row = last.as_ref().unwrap().draw(root, ROW, 0, piece);
            add(format!("random row of piece {piece}"), secrets::bytes(&secrets::stream(&row, 4)).collect());
        }
        secrets.into_values().collect()
    }

    /// What is opened in the end, with its salts; whoever stops before opens none of it.
    pub(crate) fn opened(&self, key: &Key) -> Vec<Secret> {
        let agreement = self.heard().find(|heard| heard.kind == AGREEMENT).unwrap();
        let mut secrets = BTreeMap::new();
        for heard in self.heard().filter(|heard| heard.kind >= CHECK && heard.numbers[2] != u32::MAX) {
            let (what, purpose) =
                if heard.kind == CHECK { ("check", CHECK_SALT) } else { ("labels", LABEL_SALT) };
            for (piece, salt, bytes) in heard.openings() {
                assert_eq!(salt, agreement.draw(&key.roots[piece], purpose, 0, piece), "the control: salts");
                let mut add = |name: String, bytes: Vec<u8>| {
                    secrets.insert(name.clone(), Secret::new(name, bytes, 16));
                };
                add(format!("salt of the {what} of piece {piece}"), salt.to_vec());
                add(format!("{what} of piece {piece}"), bytes);
            }
        }
        assert_eq!(secrets.len(), 4 * key.sharing.pieces());
        secrets.into_values().collect()
    }
}

/// Whether a correction of the first layer is nothing but masks where there are no labels: its sender multiplies no constants.
fn padding(key: &Key, heard: &Heard, sender: Trustee, corrected: usize, plain: &[u8]) -> bool {
    let held: BTreeSet<usize> = key.sharing.held(sender).into_iter().map(Piece::index).collect();
    if held.contains(&0) {
        return false;
    }
    let words = plain.as_chunks::<8>().0;
    let mut rest: Vec<u64> = words.iter().map(|word| u64::from_le_bytes(*word)).collect();
    for piece in held.into_iter().filter(|piece| *piece != corrected) {
        let mask = heard.draw(&key.roots[piece], MASK, heard.sender, piece);
        let mask = secrets::stream(&mask, words.len());
        rest.iter_mut().zip(mask).for_each(|(word, mask)| *word ^= mask);
    }
    assert!(rest.iter().all(|word| word >> (COUNTS.len() / CLASSES) == 0), "the control: masks");
    true
}

/// Runs an attempt; nothing of an exchange after `last` is said to anybody, and nothing of that exchange is heard.
pub(crate) fn run(task: &Task, keyed: &[Keyed], last: Option<u32>) -> Ran {
    let sharing = task.plan.sharing();
    let facts = Facts {
        federation: federation(),
        certificate: keyed[0].certificate.digest(),
        round: RoundId::from_bytes([1; 16]),
        head: Digest::of(b"head"),
        ballots: Digest::of(b"ballots"),
        attempt: 0,
    };
    let present: Vec<Trustee> = sharing.group(0).members().collect();
    let mut ran = Ran { sent: Vec::new(), labels: BTreeMap::new(), present: present.clone() };
    let mut sessions: Vec<(Trustee, Session)> = Vec::new();
    let mut queue: VecDeque<(Trustee, Output)> = VecDeque::new();
    for trustee in present {
        let keyring = keyed[trustee.index()].keyring.clone();
        let party = Party { keyring, identity: identity(trustee), trustees: trustees(sharing) };
        let record = Record::new(facts.round, Step::Label, []);
        let (session, outputs) =
            Session::begin(party, &facts, task.plan.clone(), task.sum.clone(), record).unwrap();
        sessions.push((trustee, session));
        queue.extend(outputs.into_iter().map(|output| (trustee, output)));
    }
    let mut letters: Vec<(Trustee, Vec<u8>)> = Vec::new();
    while let Some((from, output)) = queue.pop_front() {
        match output {
            Output::Send(bytes) => {
                if last.is_none_or(|last| Heard::new(&bytes).numbers[2] < last) {
                    let others = ran.present.iter().copied().filter(|to| *to != from);
                    letters.extend(others.map(|to| (to, bytes.clone())));
                }
                ran.sent.push(bytes);
            }
            Output::Labels { labels, .. } => ran.labels.entry(from).or_default().extend(labels),
            _ => {}
        }
        letters.retain(|(to, bytes)| {
            let (_, session) = sessions.iter_mut().find(|(trustee, _)| trustee == to).unwrap();
            let Ok(outputs) = session.handle(bytes) else { return true };
            queue.extend(outputs.into_iter().map(|output| (*to, output)));
            false
        });
    }
    ran
}
