//! A federation in one thread, over the public API alone.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use base::Step;
use base::identity::{Identity, PublicIdentity};
use base::ids::{Digest, RoundId};
use rustix::time::{ClockId, clock_gettime};
use tally::ceremony::{self, Ceremony, Keyed, SecretBytes, Secrets, Setup};
use tally::grid::Grid;
use tally::known_answer::KnownAnswer;
use tally::plan::{Plan, Question, Verdict};
use tally::session::{Facts, Output, Party, Record, Refusal, Session, readers, without_ciphertext};
use tally::sharing::{Sharing, Trustee};
use tally::sum::{Layout, Sum};

/// All trustees with their keys.
pub(crate) struct Federation {
    sharing: Sharing,
    identities: Vec<Arc<Identity>>,
    trustees: Vec<PublicIdentity>,
    pub(crate) keyed: Vec<Keyed>,
}

/// What a tally cost.
pub(crate) struct Figures {
    /// Labels made.
    pub(crate) labels: usize,
    /// Processor time per label of the trustee that works most, in microseconds.
    pub(crate) most_microseconds: f64,
    /// Bytes that a trustee sends per label, on average.
    pub(crate) sent: f64,
    /// Bytes that a trustee receives per label, on average.
    pub(crate) received: f64,
    /// Exchanges of the layers.
    pub(crate) layers: usize,
    /// Exchanges of the check.
    pub(crate) check: usize,
    /// Batches.
    pub(crate) batches: usize,
    /// Bytes of the sum.
    pub(crate) sum_bytes: usize,
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.try_into().unwrap_or(0))
}

impl Federation {
    /// Makes a key without dealer.
    pub(crate) fn new(sharing: Sharing) -> Self {
        let members: Vec<Trustee> = sharing.everyone().members().collect();
        let identity =
            |trustee: &Trustee| Arc::new(Identity::from_secret_bytes(&[trustee.number(); 64]).unwrap());
        let identities: Vec<Arc<Identity>> = members.iter().map(identity).collect();
        let trustees: Vec<PublicIdentity> = identities.iter().map(|identity| identity.public()).collect();
        let keyed = keys(sharing, &identities, &trustees);
        Self { sharing, identities, trustees, keyed }
    }

    /// Returns how the key is shared.
    pub(crate) const fn sharing(&self) -> Sharing {
        self.sharing
    }

    /// Tallies a round of so many full lists, each the known answer of the key, and compares all labels.
    pub(crate) fn tally(&self, classes: u16, lists: usize, threshold: Option<u32>) -> Figures {
        let grid = Grid::whole(self.sharing, 250, |_| 947).unwrap();
        let keyed = &self.keyed[0];
        let known = KnownAnswer::new(&keyed.certificate.digest(), &keyed.public_key, classes, &grid).unwrap();
        let per_list = known.sum.layout().instances();
        let layout = Layout::new(classes, per_list * lists as u32).unwrap();
        let sum = Arc::new(Sum::new(layout, known.sum.words().repeat(lists)).unwrap());
        let question = Question {
            step: Step::Label,
            layout,
            instances: (0..layout.instances()).collect(),
            grid,
            threshold,
        };
        let plan = Arc::new(Plan::new(self.sharing, question).unwrap());
        let mut run = Run::default();
        for trustee in self.sharing.group(0).members() {
            run.begin(self, trustee, &plan, &sum);
        }
        run.finish();
        let expected: Vec<Verdict> = known.verdicts.iter().map(|(_, verdict)| *verdict).collect();
        for labels in run.labels.values_mut() {
            labels.sort_by_key(|(instance, _)| *instance);
            assert_eq!(labels.len(), layout.instances() as usize);
            // a threshold of three votes is reached by every leader of ten classes with counts up to five, but for few
            let wrong =
                labels.iter().zip(expected.iter().cycle()).filter(|((_, found), wanted)| found != *wanted);
            assert!(
                wrong.into_iter().all(|((_, found), _)| threshold.is_some() && *found == Verdict::Abstained)
            );
        }
        run.figures(&plan, &sum)
    }
}

/// Runs a ceremony.
fn keys(sharing: Sharing, identities: &[Arc<Identity>], trustees: &[PublicIdentity]) -> Vec<Keyed> {
    let mut ceremonies = BTreeMap::new();
    let mut keyed = BTreeMap::new();
    let mut queue = VecDeque::new();
    for trustee in sharing.everyone().members() {
        let secret = |purpose: u8| Some(SecretBytes::new(vec![trustee.number() + purpose; 32]));
        let setup = Setup {
            federation: Digest::of(b"federation"),
            ceremony: Digest::of(b"ceremony"),
            sharing,
            trustees: trustees.to_vec(),
            trustee,
        };
        let secrets = Secrets { box_key: secret(100), contributions: secret(200), roots: None };
        let identity = identities[trustee.index()].clone();
        let (ceremony, outputs) =
            Ceremony::begin(setup, identity, secrets, []).unwrap_or_else(|_| unreachable!());
        ceremonies.insert(trustee, ceremony);
        queue.extend(outputs.into_iter().map(|output| (trustee, output)));
    }
    let mut early: Vec<(Trustee, Vec<u8>)> = Vec::new();
    while let Some((from, output)) = queue.pop_front() {
        let bytes = match output {
            ceremony::Output::Send(bytes) => bytes,
            ceremony::Output::Keyed(found) => {
                keyed.insert(from, *found);
                continue;
            }
            _ => continue,
        };
        let others = ceremonies.keys().copied().filter(|other| *other != from);
        let mut deliveries: VecDeque<_> =
            others.map(|to| (to, bytes.clone())).chain(early.drain(..)).collect();
        while let Some((to, bytes)) = deliveries.pop_front() {
            match ceremonies.get_mut(&to).unwrap().handle(&bytes) {
                Ok(outputs) => queue.extend(outputs.into_iter().map(|output| (to, output))),
                Err(_) => early.push((to, bytes)),
            }
        }
    }
    keyed.into_values().collect()
}

/// One attempt in one thread.
#[derive(Default)]
pub(crate) struct Run {
    sharing: Option<Sharing>,
    sessions: BTreeMap<Trustee, Session>,
    queue: VecDeque<(Trustee, Trustee, Arc<Vec<u8>>)>,
    early: BTreeMap<Trustee, Vec<Arc<Vec<u8>>>>,
    times: BTreeMap<Trustee, Duration>,
    pub(crate) labels: BTreeMap<Trustee, Vec<(u32, Verdict)>>,
    sent: usize,
    received: usize,
    messages: usize,
}

impl Run {
    pub(crate) fn begin(
        &mut self,
        federation: &Federation,
        trustee: Trustee,
        plan: &Arc<Plan>,
        sum: &Arc<Sum>,
    ) {
        let facts = Facts {
            federation: Digest::of(b"federation"),
            certificate: federation.keyed[0].certificate.digest(),
            round: RoundId::from_bytes([1; 16]),
            head: Digest::of(b"head"),
            ballots: Digest::of(b"ballots"),
            attempt: 0,
        };
        let party = Party {
            keyring: federation.keyed[trustee.index()].keyring.clone(),
            identity: federation.identities[trustee.index()].clone(),
            trustees: federation.trustees.clone(),
        };
        let record = Record::new(facts.round, Step::Label, []);
        let (session, outputs) = Session::begin(party, &facts, plan.clone(), sum.clone(), record).unwrap();
        self.sessions.insert(trustee, session);
        self.sharing = Some(federation.sharing);
        self.take(trustee, outputs);
    }

    fn take(&mut self, from: Trustee, outputs: Vec<Output>) {
        let Some(sharing) = self.sharing else { return };
        for output in outputs {
            match output {
                Output::Send(bytes) => {
                    self.sent += bytes.len();
                    self.messages += 1;
                    let readers = readers(sharing, 0, from);
                    let bare = Arc::new(without_ciphertext(&bytes).unwrap());
                    let bytes = Arc::new(bytes);
                    let others = sharing.group(0).members().filter(|other| *other != from);
                    let for_one =
                        |to: Trustee| if readers.contains(to) { bytes.clone() } else { bare.clone() };
                    self.queue.extend(others.map(|to| (from, to, for_one(to))));
                }
                Output::Labels { labels, .. } => self.labels.entry(from).or_default().extend(labels),
                Output::Ended(end) => unreachable!("{end}"),
                _ => {}
            }
        }
    }

    pub(crate) fn finish(&mut self) {
        while let Some((_, to, bytes)) = self.queue.pop_front() {
            self.received += bytes.len();
            self.deliver(to, bytes);
        }
    }

    fn deliver(&mut self, to: Trustee, bytes: Arc<Vec<u8>>) {
        let session = self.sessions.get_mut(&to).unwrap();
        let before = cpu_time();
        let handled = session.handle(&bytes);
        *self.times.entry(to).or_default() += cpu_time() - before;
        match handled {
            Ok(outputs) => {
                self.take(to, outputs);
                for early in self.early.remove(&to).unwrap_or_default() {
                    self.deliver(to, early);
                }
            }
            Err(Refusal::Early { .. }) => self.early.entry(to).or_default().push(bytes),
            Err(refusal) => unreachable!("{refusal}"),
        }
    }

    fn figures(&self, plan: &Plan, sum: &Sum) -> Figures {
        let labels = sum.layout().instances() as usize;
        let most = self.times.values().max().copied().unwrap_or_default();
        let (count, trustees) = (labels as f64, self.sessions.len() as f64);
        let exchanges = (self.messages / self.sessions.len() - 1) / plan.batches();
        Figures {
            labels,
            most_microseconds: most.as_secs_f64() * 1e6 / count,
            sent: self.sent as f64 / count / trustees,
            received: self.received as f64 / count / trustees,
            layers: plan.depth(),
            check: exchanges - plan.depth() - 3,
            batches: plan.batches(),
            sum_bytes: 4 * sum.words().len(),
        }
    }
}
