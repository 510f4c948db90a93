//! All trustees of a ceremony in one thread, their disks, and a board between them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use base::identity::Identity;
use base::ids::Digest;

use crate::ceremony::message::{Reason, Spoken};
use crate::ceremony::{
    Ceremony, CeremonyRefusal, Entry, Keyed, Output, SecretBytes, SecretName, Secrets, Setup,
};
use crate::sharing::{Group, Sharing, Trustee};
use crate::tests::board::World;
use crate::tests::ceremony_lies;

pub(in crate::tests) fn identities(sharing: Sharing) -> Vec<Arc<Identity>> {
    let identity = |number| Arc::new(Identity::from_secret_bytes(&[number; 64]).unwrap());
    (1..=sharing.trustees()).map(identity).collect()
}

pub(in crate::tests) fn setup(sharing: Sharing, trustee: Trustee) -> Setup {
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
pub(in crate::tests) struct Disk {
    pub(in crate::tests) secrets: BTreeMap<SecretName, Vec<u8>>,
    pub(in crate::tests) journal: Vec<Entry>,
}

impl Disk {
    pub(in crate::tests) fn secrets(&self) -> Secrets {
        let secret = |name| self.secrets.get(&name).cloned().map(SecretBytes::new);
        Secrets {
            box_key: secret(SecretName::BoxKey),
            contributions: secret(SecretName::Contributions),
            roots: secret(SecretName::Roots),
        }
    }
}

/// All trustees of a ceremony, their disks, and the board.
pub(in crate::tests) struct Stage {
    pub(in crate::tests) sharing: Sharing,
    pub(in crate::tests) ceremonies: BTreeMap<Trustee, Ceremony>,
    pub(in crate::tests) disks: BTreeMap<Trustee, Disk>,
    pub(in crate::tests) sent: Vec<(Trustee, Vec<u8>)>,
    pub(in crate::tests) queue: VecDeque<(Trustee, Trustee, Vec<u8>)>,
    pub(in crate::tests) keyed: BTreeMap<Trustee, Box<Keyed>>,
    pub(in crate::tests) dead: BTreeMap<Trustee, Reason>,
    pub(in crate::tests) named: BTreeMap<Trustee, Group>,
    pub(in crate::tests) refused: Vec<CeremonyRefusal>,
    pub(in crate::tests) waiting: BTreeMap<Trustee, Vec<Vec<u8>>>,
    /// Crash this trustee after it put out so many outputs.
    pub(in crate::tests) crash: Option<(Trustee, usize)>,
    pub(in crate::tests) crashed: bool,
}

impl Stage {
    pub(in crate::tests) fn new(sharing: Sharing) -> Self {
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

    pub(in crate::tests) fn begin(&mut self) {
        for trustee in self.sharing.everyone().members() {
            let secret = |purpose: u8| Some(SecretBytes::new(vec![trustee.number() + purpose; 32]));
            let fresh = Secrets { box_key: secret(100), contributions: secret(200), roots: None };
            self.start(trustee, fresh);
        }
    }

    pub(in crate::tests) fn start(&mut self, trustee: Trustee, secrets: Secrets) {
        let identity = identities(self.sharing)[trustee.index()].clone();
        let journal = self.disks.entry(trustee).or_default().journal.clone();
        let begun = Ceremony::begin(setup(self.sharing, trustee), identity, secrets, &journal);
        let (ceremony, outputs) = begun.map_err(|error| error.to_string()).unwrap();
        self.ceremonies.insert(trustee, ceremony);
        self.take(trustee, outputs);
    }

    pub(in crate::tests) fn take(&mut self, from: Trustee, outputs: Vec<Output>) {
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

    pub(in crate::tests) fn deliver(&mut self, to: Trustee, bytes: Vec<u8>) {
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

    pub(in crate::tests) fn run(&mut self, mut wire: impl FnMut(Trustee, Trustee, &[u8]) -> Vec<Vec<u8>>) {
        while let Some((from, to, bytes)) = self.queue.pop_front() {
            for arrived in wire(from, to, &bytes) {
                self.deliver(to, arrived);
            }
        }
    }

    pub(in crate::tests) fn honest(&mut self) {
        self.run(|_, _, bytes| vec![bytes.to_vec()]);
    }
}

/// Runs a ceremony in which somebody may lie.
pub(in crate::tests) fn stage(sharing: Sharing) -> Stage {
    let mut stage = Stage::new(sharing);
    stage.begin();
    stage.honest();
    stage
}

pub(super) fn world(stage: &Stage) -> World {
    let keyrings = stage.keyed.values().map(|keyed| keyed.keyring.clone()).collect();
    World::from_keyrings(stage.sharing, keyrings, identities(stage.sharing))
}

/// A world whose key comes from a ceremony.
pub(in crate::tests) fn new_world(sharing: Sharing) -> World {
    world(&stage(sharing))
}

/// Runs a ceremony through a wire; returns how many trustees have a key, and how many signed that it is dead.
pub(in crate::tests) fn through(
    sharing: Sharing,
    wire: impl FnMut(Trustee, Trustee, &[u8]) -> Vec<Vec<u8>>,
) -> (usize, usize) {
    let mut stage = Stage::new(sharing);
    stage.begin();
    stage.run(wire);
    (stage.keyed.len(), stage.dead.len())
}

pub(in crate::tests) type Lie = fn(&mut Spoken) -> bool;

/// One lie of trustee 1, and who is named for it.
pub(in crate::tests) fn lie(sharing: Sharing, change: Lie) -> (Stage, usize) {
    ceremony_lies::set(move |sender, spoken| sender.number() == 1 && change(spoken));
    let stage = stage(sharing);
    (stage, ceremony_lies::end())
}
