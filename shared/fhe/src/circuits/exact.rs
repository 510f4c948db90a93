//! The exact argmax of up to 16 classes: every pair compared without error, ties to the lowest class.
//!
//! One look-up cannot tell single votes apart over the whole range: its input errs by some ticks. So a
//! difference is first compared coarsely, into −, 0 or +, and what reads 0 is small enough to be multiplied
//! by a factor without leaving the torus, and compared again. The last comparison sees half a vote as more
//! than the error. The highest comparison that is not 0 decides.
//!
//! Where a round has a threshold, the abstention takes the last seat with the threshold for votes: a class reaches
//! its label only if it also wins that pair, and a tie goes to the class. The abstention itself puts out nothing.

use rayon::prelude::*;
use tfhe::core_crypto::prelude::{
    Cleartext, Plaintext, lwe_ciphertext_add_assign, lwe_ciphertext_cleartext_mul_assign,
    lwe_ciphertext_plaintext_add_assign, lwe_ciphertext_sub_assign,
};

use super::effort::Effort;
use super::tournament::{without_noise, zero};
use crate::expand::Lwe;
use crate::keys::EvaluationKeys;
use crate::labels::{DIGIT_LOG, digit, digits_per_label};
use crate::lookup::{LookUp, Switched, Table};
use crate::noise::{Precision, ballot_variance};
use crate::parameters::{POLYNOMIAL_SIZE, ParameterSet};

/// Bound of a comparison's error in ticks: 8.2 standard deviations, the ballots' rounding included.
pub(crate) const WINDOW_TICKS: u64 = 40;
const TICKS: u64 = POLYNOMIAL_SIZE as u64;
/// The largest factor from one comparison to the next: what read 0 is below two windows and must not reach
/// the window at the far end of the torus.
const MAX_FACTOR: u64 = (TICKS - 2 * WINDOW_TICKS) / (2 * WINDOW_TICKS);
const MAX_REFINEMENTS: u32 = 3;
/// The largest variance, in ticks squared, that the rounding of ballots may add to a comparison.
const MAX_ROUNDING: f64 = 0.49;

/// The comparisons of one pair: one coarse, then `count` finer ones, each by the same factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refinements {
    pub(crate) count: u32,
    pub(crate) factor: u64,
}

impl Refinements {
    /// The largest range D in votes that the refinements resolve.
    pub(crate) const MAX_BOUND: u64 = MAX_FACTOR.pow(MAX_REFINEMENTS) * TICKS / (2 * WINDOW_TICKS);

    /// Chooses the fewest refinements that see half a vote as a whole window over a range of ±`bound` votes.
    pub(crate) fn new(bound: u64) -> Option<Self> {
        // half a vote is N / 2D ticks
        let needed = (2 * WINDOW_TICKS * bound).div_ceil(TICKS);
        (0..=MAX_REFINEMENTS)
            .flat_map(|count| (1..=MAX_FACTOR).map(move |factor| Self { count, factor }))
            .find(|refinements| refinements.total() >= needed)
    }

    /// Returns whether the last comparison, which multiplies the rounding of two counts, does not see that of so many
    /// ballots.
    pub(crate) fn hide_rounding(self, ballots: u32) -> bool {
        let factor = self.total() as f64;
        let rounding = ballot_variance(ballots, ParameterSet::Full.parameters());
        2.0 * rounding * factor * factor <= MAX_ROUNDING
    }

    /// Returns the factor of the last comparison.
    pub(crate) const fn total(self) -> u64 {
        self.factor.pow(self.count)
    }
}

/// The circuit for one number of classes and one range.
pub(crate) struct Exact {
    classes: usize,
    bound: u64,
    /// The threshold's plaintext, if there is one.
    abstention: Option<u64>,
    refinements: Refinements,
    /// Three-way tables from coarse to fine, then the sign.
    comparisons: Vec<Table>,
    /// Joins the comparisons of a pair into ±1/2C of the torus.
    verdict: Table,
    outcomes: Vec<Outcome>,
}

/// A digit of the label of one class, put out if that class wins.
struct Outcome {
    class: usize,
    digit: usize,
    value: u64,
    table: Table,
}

impl Exact {
    /// Prepares the circuit for 2 to 16 classes whose counts differ, from each other and from the threshold, by at
    /// most `bound` votes, less the window.
    ///
    /// `abstention` is the plaintext, at the ballots' scale, of the threshold.
    pub(crate) fn new(classes: usize, bound: u64, abstention: Option<u64>) -> Option<Self> {
        let refinements = Refinements::new(bound)?;
        // weights 2^r, …, 2, 1 of a unit; all together stay one unit below half a turn
        let unit = 1_u64 << (62 - refinements.count);
        let three_way =
            (0..refinements.count).map(|place| three_way_table(unit << (refinements.count - place)));
        let half_digit = |value: u64| value << (DIGIT_LOG - 1);
        let outcomes = (0..classes)
            .flat_map(|class| (0..digits_per_label(classes)).map(move |place| (class, place)))
            .map(|(class, place)| (class, place, digit(class + 1, place)))
            .filter(|&(.., value)| value != 0)
            .map(|(class, digit, value)| Outcome {
                class,
                digit,
                value,
                table: Table::sign(half_digit(value)),
            })
            .collect();
        Some(Self {
            classes,
            bound,
            abstention,
            refinements,
            comparisons: three_way.chain([Table::sign(unit)]).collect(),
            verdict: Table::sign(verdict(classes + usize::from(abstention.is_some()))),
            outcomes,
        })
    }

    /// Counts what one instance takes: every pair in each comparison and once for its verdict, then the labels.
    pub(crate) fn effort(&self) -> Effort {
        let compared = self.pairs().count() * (self.comparisons.len() + 1);
        Effort {
            keyswitches: (compared + self.classes) as u64,
            bootstraps: (compared + self.outcomes.len()) as u64,
        }
    }

    /// Finds the winners of several instances side by side; `counts` holds C ciphertexts for each.
    ///
    /// Returns the digits of each label. The result does not depend on `batch` or on how instances are put
    /// together.
    pub(crate) fn run(&self, keys: &EvaluationKeys, counts: &[Vec<Lwe>], batch: usize) -> Vec<Vec<Lwe>> {
        let pairs: Vec<Lwe> = counts.iter().flat_map(|values| self.differences(values)).collect();
        let mut compared = vec![zero(); pairs.len()];
        for (place, table) in (0..).zip(&self.comparisons) {
            let magnified: Vec<Lwe> = pairs.par_iter().map(|pair| self.magnified(pair, place)).collect();
            let inputs = keys.switch_all(&magnified, Precision::Fine);
            let outputs = look_up_each(keys, &inputs, table, batch);
            for (sum, output) in compared.iter_mut().zip(&outputs) {
                lwe_ciphertext_add_assign(sum, output);
            }
        }
        drop(pairs);
        let inputs = keys.switch_all(&compared, Precision::Fine);
        let verdicts = look_up_each(keys, &inputs, &self.verdict, batch);
        self.read_labels(keys, &verdicts, batch)
    }

    /// Returns the number of classes, and one for the abstention if it takes part.
    const fn seats(&self) -> usize {
        self.classes + self.abstention.is_some() as usize
    }

    /// Returns all x_i − x_j with i < j, in order.
    fn differences(&self, counts: &[Lwe]) -> Vec<Lwe> {
        let abstention = self.abstention.map(without_noise);
        let values: Vec<&Lwe> = counts.iter().chain(&abstention).collect();
        self.pairs()
            .map(|(first, second)| {
                let mut difference = values[first].clone();
                lwe_ciphertext_sub_assign(&mut difference, values[second]);
                difference
            })
            .collect()
    }

    fn pairs(&self) -> impl Iterator<Item = (usize, usize)> {
        let seats = self.seats();
        (0..seats).flat_map(move |first| (first + 1..seats).map(move |second| (first, second)))
    }

    /// Returns the input of comparison number `place`; the last one adds half a vote, so that a tie goes to the lower
    /// class.
    fn magnified(&self, difference: &Lwe, place: u32) -> Lwe {
        let factor = self.refinements.factor.pow(place);
        let mut magnified = difference.clone();
        lwe_ciphertext_cleartext_mul_assign(&mut magnified, Cleartext(factor));
        if place == self.refinements.count {
            let vote = (1_u64 << 63) / self.bound;
            lwe_ciphertext_plaintext_add_assign(&mut magnified, Plaintext(factor.wrapping_mul(vote) / 2));
        }
        magnified
    }

    /// Adds the verdicts for and against each class; only the winner of all its pairs puts out its label.
    fn read_labels(&self, keys: &EvaluationKeys, verdicts: &[Lwe], batch: usize) -> Vec<Vec<Lwe>> {
        let pairs_per_instance = self.seats() * (self.seats() - 1) / 2;
        let balances: Vec<Lwe> =
            verdicts.chunks(pairs_per_instance).flat_map(|verdicts| self.balances(verdicts)).collect();
        let inputs = keys.switch_all(&balances, Precision::Fine);
        let look_ups: Vec<LookUp<'_>> = inputs
            .chunks(self.classes)
            .flat_map(|inputs| {
                self.outcomes
                    .iter()
                    .map(|outcome| LookUp { input: &inputs[outcome.class], table: &outcome.table })
            })
            .collect();
        let outputs = keys.look_up_all(&look_ups, batch);
        outputs.chunks(self.outcomes.len()).map(|outputs| self.add_up(outputs)).collect()
    }

    /// For each class among M seats (wins − losses) − (M − 2) verdicts: one verdict if it won all its pairs, at
    /// most −1 otherwise.
    fn balances(&self, verdicts: &[Lwe]) -> Vec<Lwe> {
        let seats = self.seats();
        let offset = verdict(seats).wrapping_mul(seats as u64 - 2).wrapping_neg();
        let mut balances = vec![zero(); seats];
        for ((first, second), verdict) in self.pairs().zip(verdicts) {
            lwe_ciphertext_add_assign(&mut balances[first], verdict);
            lwe_ciphertext_sub_assign(&mut balances[second], verdict);
        }
        // nobody asks whether the abstention won
        balances.truncate(self.classes);
        for balance in &mut balances {
            lwe_ciphertext_plaintext_add_assign(balance, Plaintext(offset));
        }
        balances
    }

    /// Each look-up gives plus or minus half its digit; with the other half added, the digit or zero.
    fn add_up(&self, outputs: &[Lwe]) -> Vec<Lwe> {
        let mut digits = vec![zero(); digits_per_label(self.classes)];
        for (outcome, output) in self.outcomes.iter().zip(outputs) {
            let sum = &mut digits[outcome.digit];
            lwe_ciphertext_add_assign(sum, output);
            lwe_ciphertext_plaintext_add_assign(sum, Plaintext(outcome.value << (DIGIT_LOG - 1)));
        }
        digits
    }
}

/// Returns the plaintext of a won pair: twice as many as seats make half a turn.
const fn verdict(seats: usize) -> u64 {
    (1_u64 << 63) / seats as u64 / 2
}

/// Plus or minus `value`, or zero within a window around zero (and around half a turn, where no input lies).
fn three_way_table(value: u64) -> Table {
    Table::new(|tick| if (WINDOW_TICKS..TICKS - WINDOW_TICKS).contains(&tick) { value } else { 0 })
}

fn look_up_each(keys: &EvaluationKeys, inputs: &[Switched], table: &Table, batch: usize) -> Vec<Lwe> {
    let look_ups: Vec<LookUp<'_>> = inputs.iter().map(|input| LookUp { input, table }).collect();
    keys.look_up_all(&look_ups, batch)
}
