//! What a step computes, and how it is cut into batches: the same for every trustee.

use base::{Step, ids::Digest};

use crate::check;
use crate::circuit::{Circuit, argmax, levels};
use crate::grid::Grid;
use crate::sharing::Sharing;
use crate::sum::Layout;

/// Memory that one batch may take in a trustee, in bytes: shares of wires and of the check's elements.
const BATCH_MEMORY: usize = 24 << 20;
/// The longest message, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 8 << 20;
/// Labels in a word.
pub(crate) const LABELS: usize = 64;

/// What is asked of a sum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The step: the labels, or the test before them.
    pub step: Step,
    /// Classes and instances of the sum.
    pub layout: Layout,
    /// The instances that are tallied, ascending: those that passed the test, or all.
    pub instances: Vec<u32>,
    /// How counts are read.
    pub grid: Grid,
    /// The least number of votes that makes a label; below, an instance is abstained.
    pub threshold: Option<u32>,
}

/// Why a question has no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// No instance, or not ascending, or beyond the last.
    #[error("{got} instances of a round of {of}: at least one is tallied, in ascending order, none twice")]
    Instances {
        /// Instances asked for.
        got: usize,
        /// Instances of the round.
        of: u32,
    },
    /// A grid for another number of pieces.
    #[error("the grid was chosen for {grid} trustees, the key is shared among {key}")]
    Grid {
        /// How the grid was chosen.
        grid: Sharing,
        /// How the key is shared.
        key: Sharing,
    },
    /// A test without a threshold.
    #[error("the test of a two-step round needs a threshold")]
    NoThreshold,
    /// A threshold that no difference may reach.
    #[error("a threshold of {votes} votes lies outside 1..={bound}, the range of this tally's differences")]
    Threshold {
        /// The threshold asked for.
        votes: u32,
        /// The range D.
        bound: u64,
    },
}

/// The plan of a step: its circuit and its batches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    sharing: Sharing,
    question: Question,
    asked: Digest,
    circuit: Circuit,
    batches: Vec<Vec<u32>>,
    digest: Digest,
    division: Digest,
}

/// What is done in one exchange of a batch, for people who wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The trustees sign what the attempt rests on.
    Terms,
    /// Products of bits.
    Layer {
        /// The layer, from 1.
        layer: u32,
        /// How many there are.
        of: u32,
    },
    /// The check of all products.
    Check {
        /// The exchange of the check, from 1.
        fold: u32,
        /// How many there are.
        of: u32,
    },
    /// The trustees sign what they will open.
    Agreement,
    /// The elements of the check are opened.
    OpenedCheck,
    /// The labels are opened.
    Labels,
}

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Terms => f.write_str("first messages"),
            Self::Layer { layer, of } => write!(f, "layer {layer} of {of}"),
            Self::Check { fold, of } => write!(f, "check {fold} of {of}"),
            Self::Agreement => f.write_str("agreement"),
            Self::OpenedCheck => f.write_str("opening of the check"),
            Self::Labels => f.write_str("opening of the labels"),
        }
    }
}

/// What a tally says of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The class, from 0, with the most votes; the lower one of equals.
    Class(u16),
    /// No class reaches the threshold.
    Abstained,
    /// No class beats or equals all others: cheats within their proofs can do this where leaders nearly tie.
    Undecided,
    /// Some class reaches the threshold of the test.
    Passed,
    /// No class reaches the threshold of the test.
    Failed,
}

impl Plan {
    /// Plans the answer to a question.
    ///
    /// # Errors
    /// Refuses instances out of order, and a threshold that is missing or out of range.
    pub fn new(sharing: Sharing, question: Question) -> Result<Self, PlanError> {
        Self::within(sharing, question, BATCH_MEMORY)
    }

    /// Plans with batches of so many bytes of memory.
    pub(crate) fn within(sharing: Sharing, question: Question, memory: usize) -> Result<Self, PlanError> {
        let (layout, instances) = (question.layout, &question.instances);
        let ascending = instances.windows(2).all(|pair| pair[0] < pair[1]);
        if !ascending || instances.last().is_none_or(|last| *last >= layout.instances()) {
            return Err(PlanError::Instances { got: instances.len(), of: layout.instances() });
        }
        if question.grid.sharing() != sharing {
            return Err(PlanError::Grid { grid: question.grid.sharing(), key: sharing });
        }
        let bound = question.grid.bound();
        if let Some(votes) = question.threshold.filter(|votes| *votes == 0 || u64::from(*votes) > bound) {
            return Err(PlanError::Threshold { votes, bound });
        }
        if question.step == Step::Test && question.threshold.is_none() {
            return Err(PlanError::NoThreshold);
        }
        let circuit = circuit(sharing, &question);
        let answered = (question.step, layout, question.grid, question.threshold);
        let asked = Digest::of_value("tally question", &(answered, Digest::of_value("instances", instances)));
        let batches = divide(&question, capacity(sharing, &circuit, memory));
        let digest = Digest::of_value("tally plan", &(sharing, asked, circuit.digest()));
        let division = Digest::of_value("tally division", &batches);
        Ok(Self { sharing, question, asked, circuit, batches, digest, division })
    }

    /// Returns what was asked.
    #[must_use]
    pub const fn question(&self) -> &Question {
        &self.question
    }

    /// Returns how the key is shared.
    #[must_use]
    pub const fn sharing(&self) -> Sharing {
        self.sharing
    }

    /// Returns the number of products of bits per label.
    #[must_use]
    pub const fn products(&self) -> usize {
        self.circuit.products()
    }

    /// Returns the number of exchanges in which products are computed.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.circuit.depth()
    }

    /// Returns the number of batches.
    #[must_use]
    pub const fn batches(&self) -> usize {
        self.batches.len()
    }

    /// Returns the instances of a batch; none beyond the last.
    #[must_use]
    pub fn instances(&self, batch: u32) -> &[u32] {
        self.batches.get(batch as usize).map_or(&[], Vec::as_slice)
    }

    /// Returns the number of the last exchange of a batch: layers, check, agreement, two openings; none beyond the last batch.
    #[must_use]
    pub fn exchanges(&self, batch: u32) -> u32 {
        match self.blocks(batch) {
            0 => 0,
            blocks => (self.depth() + check::exchanges(self.products() * blocks) + 3) as u32,
        }
    }

    /// Returns what a batch does in an exchange.
    #[must_use]
    pub fn phase(&self, batch: u32, exchange: u32) -> Phase {
        let (depth, last) = (self.depth() as u32, self.exchanges(batch));
        match exchange {
            0 => Phase::Terms,
            layer if layer <= depth => Phase::Layer { layer, of: depth },
            of_labels if of_labels >= last => Phase::Labels,
            of_check if of_check + 1 == last => Phase::OpenedCheck,
            agreement if agreement + 2 == last => Phase::Agreement,
            fold => Phase::Check { fold: fold - depth, of: last - 3 - depth },
        }
    }

    /// Returns the number of words that hold the labels of a batch.
    pub(crate) fn blocks(&self, batch: u32) -> usize {
        self.instances(batch).len().div_ceil(LABELS)
    }

    pub(crate) const fn circuit(&self) -> &Circuit {
        &self.circuit
    }

    /// Returns the threshold in units of the grid; zero without one.
    pub(crate) fn threshold_units(&self) -> u32 {
        self.question.threshold.unwrap_or(0) << self.question.grid.fraction_bits()
    }

    /// Returns the digest of what was asked: the same in all attempts, whatever version of the engine computes.
    pub(crate) const fn asked(&self) -> Digest {
        self.asked
    }

    /// Returns the digest of what is computed.
    pub(crate) const fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns the digest of how the instances are cut into batches.
    pub(crate) const fn division(&self) -> Digest {
        self.division
    }

    /// Returns what a number that a circuit put out says.
    pub(crate) fn verdict(&self, code: u32) -> Verdict {
        let classes = self.question.layout.classes() as u32;
        match (self.question.step, code) {
            (Step::Test, 1) => Verdict::Passed,
            (Step::Test, _) => Verdict::Failed,
            (Step::Label, 0) => Verdict::Undecided,
            (Step::Label, code) if code <= classes => Verdict::Class(code as u16 - 1),
            (Step::Label, _) => Verdict::Abstained,
        }
    }
}

fn circuit(sharing: Sharing, question: &Question) -> Circuit {
    let (pieces, grid) = (sharing.pieces(), question.grid);
    let shape = (pieces, grid.width() as usize);
    let classes = question.layout.classes() as u16;
    let players = classes + u16::from(question.threshold.is_some());
    match question.step {
        Step::Test => argmax::test(shape, classes),
        Step::Label if players < levels::FLAT => argmax::argmax(shape, players),
        Step::Label => {
            let units = question.threshold.map(|votes| votes << grid.fraction_bits());
            levels::argmax((pieces, &grid), classes, units)
        }
    }
}

/// Returns how many words of labels fit into a batch.
fn capacity(sharing: Sharing, circuit: &Circuit, available: usize) -> usize {
    // A trustee holds C(n − 1, t) pieces: the wires' words, and two elements of the check per product.
    let held = sharing.trustee(1).map_or(1, |trustee| sharing.held(trustee).len());
    let memory = held * (8 * circuit.wires() + 32 * circuit.products());
    let widest = circuit.layers().iter().map(|layer| layer.products.len()).max().unwrap_or(0);
    let of_messages = MAX_MESSAGE_BYTES / 2 / (8 * widest.max(1));
    (available / memory).min(of_messages).max(1)
}

/// Fills batches with whole lists, so that no list is multiplied twice; a list that is too long for one is cut.
fn divide(question: &Question, blocks: usize) -> Vec<Vec<u32>> {
    let (most, per_list) = (blocks * LABELS, question.layout.instances_per_list());
    let list = |instance: &u32| *instance as usize / per_list;
    let mut batches: Vec<Vec<u32>> = Vec::new();
    for of_list in question.instances.chunk_by(|one, other| list(one) == list(other)) {
        for part in of_list.chunks(most) {
            match batches.last_mut() {
                Some(last) if last.len() + part.len() <= most => last.extend_from_slice(part),
                _ => batches.push(part.to_vec()),
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(classes: u16, instances: u32) -> Question {
        let layout = Layout::new(classes, instances).unwrap();
        let grid = Grid::whole(Sharing::ThreeOne, 250, |_| 947).unwrap();
        Question { step: Step::Label, layout, instances: (0..instances).collect(), grid, threshold: None }
    }

    #[test]
    fn batches_hold_every_instance_once_and_whole_lists_and_stay_within_their_bounds() {
        for (sharing, classes) in [(Sharing::ThreeOne, 10), (Sharing::FiveTwo, 2), (Sharing::FiveTwo, 100)] {
            let mut asked = question(classes, 20_000);
            asked.grid = Grid::whole(sharing, 250, |_| 947).unwrap();
            asked.instances.retain(|instance| instance % 7 != 3);
            let plan = Plan::new(sharing, asked.clone()).unwrap();
            let all: Vec<u32> =
                (0..plan.batches() as u32).flat_map(|batch| plan.instances(batch).to_vec()).collect();
            assert_eq!(all, asked.instances);
            let most = capacity(sharing, plan.circuit(), BATCH_MEMORY);
            let widest = plan.circuit().layers().iter().map(|layer| layer.products.len()).max().unwrap();
            for batch in 0..plan.batches() as u32 {
                assert!(plan.blocks(batch) <= most && 8 * widest * plan.blocks(batch) < MAX_MESSAGE_BYTES);
            }
        }
    }

    #[test]
    fn what_cannot_be_tallied_is_refused() {
        let plan = |question| Plan::new(Sharing::ThreeOne, question).map(|_| ());
        assert_eq!(
            plan(Question { instances: vec![], ..question(3, 4) }),
            Err(PlanError::Instances { got: 0, of: 4 })
        );
        assert!(plan(Question { instances: vec![1, 1], ..question(3, 4) }).is_err());
        assert!(plan(Question { instances: vec![3, 4], ..question(3, 4) }).is_err());
        assert_eq!(plan(Question { step: Step::Test, ..question(3, 4) }), Err(PlanError::NoThreshold));
        let too_high = plan(Question { threshold: Some(948), ..question(3, 4) });
        assert_eq!(too_high, Err(PlanError::Threshold { votes: 948, bound: 947 }));
        assert!(plan(question(3, 4)).is_ok());
        let elsewhere = Plan::new(Sharing::FiveTwo, question(3, 4)).unwrap_err();
        assert!(matches!(elsewhere, PlanError::Grid { .. }), "{elsewhere}");
    }
}
