//! A federation of trustees and a board between them, all in one thread.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use base::Step;
use base::identity::{Identity, PublicIdentity};
use base::ids::{Digest, RoundId};

use super::lies::{self, Tamper};
use crate::draw::{Root, Stream};
use crate::grid::Grid;
use crate::keyring::Keyring;
use crate::phase::product::Multiplier;
use crate::plan::{Plan, Question, Verdict};
use crate::session::{End, Entry, Facts, Output, Party, Record, Refusal, Session};
use crate::sharing::{Sharing, Trustee};
use crate::sum::{DEGREE, Layout, Sum};

/// All trustees of a federation.
pub(crate) struct World {
    pub(crate) sharing: Sharing,
    pub(crate) keyrings: Vec<Arc<Keyring>>,
    pub(crate) identities: Vec<Arc<Identity>>,
    pub(crate) trustees: Vec<PublicIdentity>,
}

impl World {
    /// Makes trustees whose roots and identities follow from a seed.
    pub(crate) fn new(sharing: Sharing, seed: u8) -> Self {
        let roots = Self::roots(sharing, seed);
        let keyring = |trustee: Trustee| {
            let held = sharing.held(trustee).into_iter().map(|piece| (piece, roots[piece.index()].clone()));
            let ceremony = (Digest::of(b"ceremony"), Digest::of(&[seed]));
            Arc::new(Keyring::new((sharing, trustee), ceremony, held.collect()))
        };
        let identity = |trustee: Trustee| {
            Arc::new(Identity::from_secret_bytes(&[trustee.number() + 16 * (seed % 8); 64]).unwrap())
        };
        let members: Vec<Trustee> = sharing.everyone().members().collect();
        let identities: Vec<Arc<Identity>> = members.iter().map(|trustee| identity(*trustee)).collect();
        let trustees = identities.iter().map(|identity| identity.public()).collect();
        Self {
            sharing,
            keyrings: members.iter().map(|trustee| keyring(*trustee)).collect(),
            identities,
            trustees,
        }
    }

    fn roots(sharing: Sharing, seed: u8) -> Vec<Root> {
        let root = |piece: u8| Root::new(*Digest::of(&[seed, piece]).as_bytes());
        (0..sharing.pieces() as u8).map(root).collect()
    }

    pub(crate) fn from_keyrings(
        sharing: Sharing,
        keyrings: Vec<Arc<Keyring>>,
        identities: Vec<Arc<Identity>>,
    ) -> Self {
        let trustees = identities.iter().map(|identity| identity.public()).collect();
        Self { sharing, keyrings, identities, trustees }
    }

    pub(crate) fn party(&self, trustee: Trustee) -> Party {
        Party {
            keyring: self.keyrings[trustee.index()].clone(),
            identity: self.identities[trustee.index()].clone(),
            trustees: self.trustees.clone(),
        }
    }

    /// Encrypts counts in units of 2^−g votes, instance-major, with a little noise.
    pub(crate) fn encrypt(&self, layout: Layout, grid: &Grid, units: &[i64], seed: u8) -> Sum {
        let mut random = Stream::new(&[seed; 32]);
        let slots = layout.instances_per_list() * layout.classes();
        let shift = u32::BITS - grid.width();
        let mut words = Vec::new();
        for units in units.chunks(slots) {
            let mask: Vec<u32> = (0..DEGREE).map(|_| random.next_word() as u32).collect();
            let mut phase = vec![0_u32; DEGREE];
            for piece in self.sharing.all_pieces() {
                let holder = self.keyrings.iter().find_map(|keyring| keyring.key_piece(piece)).unwrap();
                let mut multiplier = Multiplier::default();
                phase
                    .iter_mut()
                    .zip(multiplier.product(&mask, &holder))
                    .for_each(|(sum, word)| *sum = sum.wrapping_add(*word));
            }
            words.extend_from_slice(&mask);
            words.extend(units.iter().enumerate().map(|(slot, units)| {
                let noise = (random.next_word() % 129) as u32;
                phase[DEGREE - 1 - slot]
                    .wrapping_add((*units as u32) << shift)
                    .wrapping_add(noise)
                    .wrapping_sub(64)
            }));
        }
        Sum::new(layout, words).unwrap()
    }
}

/// What is tallied.
#[derive(Clone)]
pub(crate) struct Task {
    pub(crate) plan: Arc<Plan>,
    pub(crate) sum: Arc<Sum>,
    pub(crate) facts: Facts,
}

pub(crate) fn facts(attempt: u32) -> Facts {
    Facts {
        federation: Digest::of(b"federation"),
        certificate: Digest::of(b"certificate"),
        round: RoundId::from_bytes([7; 16]),
        head: Digest::of(b"head"),
        ballots: Digest::of(b"ballots"),
        attempt,
    }
}

/// Whole counts, their labels asked.
pub(crate) fn task(world: &World, classes: u16, counts: &[i64], threshold: Option<u32>, step: Step) -> Task {
    let instances = (counts.len() / usize::from(classes)) as u32;
    let bound = counts.iter().map(|count| count.unsigned_abs()).max().unwrap_or(0) * 2
        + u64::from(threshold.unwrap_or(1));
    let grid = Grid::whole(world.sharing, 250, |_| bound.max(15)).unwrap();
    let layout = Layout::new(classes, instances).unwrap();
    let question = Question { step, layout, instances: (0..instances).collect(), grid, threshold };
    let plan = Arc::new(Plan::new(world.sharing, question).unwrap());
    let units: Vec<i64> = counts.iter().map(|count| count << grid.fraction_bits()).collect();
    Task { plan, sum: Arc::new(world.encrypt(layout, &grid, &units, 3)), facts: facts(0) }
}

/// What happened in a run.
#[derive(Default)]
pub(crate) struct Ran {
    pub(crate) labels: BTreeMap<Trustee, Vec<(u32, Verdict)>>,
    pub(crate) finished: Vec<Trustee>,
    pub(crate) ended: BTreeMap<Trustee, End>,
    pub(crate) liars: Vec<(Trustee, Trustee)>,
    pub(crate) refused: Vec<(Trustee, Refusal)>,
    pub(crate) journals: BTreeMap<Trustee, Vec<Entry>>,
    /// Sender and bytes of everything sent.
    pub(crate) sent: Vec<(Trustee, Vec<u8>)>,
}

/// What the board does to a message on its way: (sender, receiver, bytes) to what arrives.
pub(crate) type Wire<'a> = dyn FnMut(Trustee, Trustee, &[u8]) -> Vec<Vec<u8>> + 'a;

/// Sessions and a board.
pub(crate) struct Board {
    members: Vec<Trustee>,
    pub(crate) sessions: BTreeMap<Trustee, Session>,
    pub(crate) ran: Ran,
    queue: VecDeque<(Trustee, Trustee, Vec<u8>)>,
    waiting: BTreeMap<Trustee, Vec<Vec<u8>>>,
    /// The machine of this trustee crashes after so many more outputs.
    pub(crate) crash: Option<(Trustee, usize)>,
}

impl Board {
    /// Begins an attempt of all present trustees; some of them lie.
    pub(crate) fn begin(world: &World, task: &Task, lies: &[(Trustee, Tamper)]) -> Self {
        let mut board = Self::of(world.sharing.group(task.facts.attempt).members());
        for trustee in world.sharing.group(task.facts.attempt).members() {
            let record = Record::new(task.facts.round, task.plan.question().step, []);
            board.join(world, trustee, task, record, lies);
        }
        board
    }

    pub(crate) fn of(members: impl Iterator<Item = Trustee>) -> Self {
        Self {
            members: members.collect(),
            sessions: BTreeMap::new(),
            ran: Ran::default(),
            queue: VecDeque::new(),
            waiting: BTreeMap::new(),
            crash: None,
        }
    }

    /// Lets one trustee begin.
    pub(crate) fn join(
        &mut self,
        world: &World,
        trustee: Trustee,
        task: &Task,
        record: Record,
        lies: &[(Trustee, Tamper)],
    ) {
        let tamper = lies.iter().find(|(liar, _)| *liar == trustee).map(|(_, tamper)| tamper.clone());
        let (session, outputs) = lies::with(tamper, || {
            Session::begin(world.party(trustee), &task.facts, task.plan.clone(), task.sum.clone(), record)
                .unwrap()
        });
        self.sessions.insert(trustee, session);
        self.take(trustee, outputs);
    }

    /// Carries out what a trustee puts out.
    fn take(&mut self, from: Trustee, outputs: Vec<Output>) {
        for output in outputs {
            if let Some((_, left)) = self.crash.as_mut().filter(|(trustee, _)| *trustee == from) {
                if *left == 0 {
                    // what was not carried out is lost with the machine
                    self.sessions.remove(&from);
                    return;
                }
                *left -= 1;
            }
            match output {
                Output::Store(entry) => self.ran.journals.entry(from).or_default().push(entry),
                Output::Send(bytes) => {
                    self.ran.sent.push((from, bytes.clone()));
                    let others = self.members.iter().copied().filter(|other| *other != from);
                    self.queue.extend(others.map(|to| (from, to, bytes.clone())));
                }
                Output::Labels { labels, .. } => self.ran.labels.entry(from).or_default().extend(labels),
                Output::Liar { trustee, .. } => self.ran.liars.push((from, trustee)),
                Output::Finished => self.ran.finished.push(from),
                Output::Ended(end) => {
                    self.ran.ended.insert(from, end);
                }
            }
        }
    }

    /// Hands a message to a trustee; what comes too early is handed in again later.
    pub(crate) fn deliver(&mut self, to: Trustee, bytes: Vec<u8>) {
        let Some(session) = self.sessions.get_mut(&to) else { return };
        match session.handle(&bytes) {
            Ok(outputs) => {
                self.take(to, outputs);
                for early in self.waiting.remove(&to).unwrap_or_default() {
                    self.deliver(to, early);
                }
            }
            Err(Refusal::Early { .. }) => self.waiting.entry(to).or_default().push(bytes),
            Err(refusal) => self.ran.refused.push((to, refusal)),
        }
    }

    /// Ends the turn of all trustees.
    pub(crate) fn end_turn(&mut self) {
        let trustees: Vec<Trustee> = self.sessions.keys().copied().collect();
        for trustee in trustees {
            if let Some(session) = self.sessions.get_mut(&trustee) {
                let outputs = session.end_turn();
                self.take(trustee, outputs);
            }
        }
    }

    /// Delivers until nothing moves, through a wire.
    pub(crate) fn run(mut self, wire: &mut Wire<'_>) -> Ran {
        self.drain(wire);
        self.ran
    }

    pub(crate) fn drain(&mut self, wire: &mut Wire<'_>) {
        while let Some((from, to, bytes)) = self.queue.pop_front() {
            for arrived in wire(from, to, &bytes) {
                self.deliver(to, arrived);
            }
        }
    }

    /// Runs with an honest board.
    pub(crate) fn honest(self) -> Ran {
        self.run(&mut |_, _, bytes| vec![bytes.to_vec()])
    }
}

/// Runs an attempt with an honest board.
pub(crate) fn run(world: &World, task: &Task, lies: &[(Trustee, Tamper)]) -> Ran {
    Board::begin(world, task, lies).honest()
}
