//! The abs tournament: the argmax of 2 to 100 classes with one or two look-ups per match.
//!
//! A match switches x − y once and reads two tables at the same input: its sign, and |x − y| less half the
//! range (an odd function of the shifted input, so that the whole torus can be used without a padding bit). Where the
//! noise of the votes hides twice the error, the input is switched to even ticks, and one look-up reads both: the sign
//! from the even entries of a joint table, the other from the odd ones. Elsewhere, and where only one of them is asked
//! for, each is a look-up of its own.
//! The winner's value is max(x, y) = (x + y + |x − y|) / 2. It is not halved: the scale doubles with every
//! level, and the ballots are encrypted at the scale of level 0. The signs then lead to the winner's label
//! through a few index look-ups.
//!
//! Where a round has a threshold, the winner meets the abstention in one match more, which has the threshold for
//! votes and the label 0. The test of a two-step round is that match alone: its outcome is the digit.

use rayon::prelude::*;
use tfhe::core_crypto::prelude::{
    Cleartext, LweCiphertext, Plaintext, lwe_ciphertext_add_assign, lwe_ciphertext_cleartext_mul_assign,
    lwe_ciphertext_plaintext_add_assign, lwe_ciphertext_sub_assign,
};

use super::bracket::{Bracket, Group, Match, Player, Side};
use super::effort::Effort;
use crate::expand::Lwe;
use crate::keys::EvaluationKeys;
use crate::labels::{DIGIT_LOG, digits_per_label};
use crate::lookup::{LookUp, Switched, TICK_LOG, Table};
use crate::noise::Precision;
use crate::parameters::{POLYNOMIAL_SIZE, modulus};

/// log2 of the plaintext of a match that the right side won; the left side's is 0. As large as a box of an index look-up,
/// so that a bootstrap's noise is multiplied as little as can be.
const WIN_LOG: u32 = 59;

/// What is read off a tournament.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// The winner's label.
    Label,
    /// Whether the classes' winner beats the abstention.
    Test,
}

/// The circuit for one number of classes: its bracket and all its tables.
pub(crate) struct Tournament {
    reading: Reading,
    digits: usize,
    /// The abstention's votes at the scale of level 0, if it plays.
    abstention: Option<u64>,
    bracket: Bracket,
    /// Half of what a won match is worth.
    half_win: u64,
    sign: Table,
    /// For each level but the last one what else is looked up.
    levels: Vec<Level>,
    index: Vec<Table>,
}

/// What a level before the last one looks up.
enum Level {
    /// |x − y| alone, or after the sign.
    Fine(Table),
    /// The sign and |x − y| at once.
    Coarse(Table),
}

impl Level {
    const fn precision(&self) -> Precision {
        match self {
            Self::Fine(_) => Precision::Fine,
            Self::Coarse(_) => Precision::Coarse,
        }
    }
}

/// What is known of one instance while its tournament is played.
pub(crate) struct Play {
    /// The value of each player, in order.
    values: Vec<Lwe>,
    /// For each match whose sign was looked up, 2^59 if the right side won, else 0; a test looks up its last match
    /// alone, and 2^59 is a right side that won.
    right_won: Vec<Lwe>,
}

impl Tournament {
    /// Prepares the circuit for 2 to 100 classes whose winner's label is read.
    ///
    /// `abstention` is the plaintext, at the ballots' scale, of what a winner must exceed; so many levels before the
    /// last one are read finely, those below coarsely.
    pub(crate) fn new(classes: usize, abstention: Option<u64>, precise: u32) -> Self {
        Self::prepare(classes, abstention, Reading::Label, precise)
    }

    /// Prepares the circuit that tells whether the most voted of 2 to 100 classes exceeds `abstention`.
    pub(crate) fn test(classes: usize, abstention: u64) -> Self {
        // Its matches are asked for one table each, so that nothing is gained by reading them coarsely.
        Self::prepare(classes, Some(abstention), Reading::Test, u32::MAX)
    }

    fn prepare(classes: usize, abstention: Option<u64>, reading: Reading, precise: u32) -> Self {
        let bracket = Bracket::new(classes, abstention.is_some());
        let rounds = bracket.rounds();
        let (digits, half_win) = match reading {
            Reading::Label => (digits_per_label(classes), 1_u64 << (WIN_LOG - 1)),
            Reading::Test => (1, 1 << (DIGIT_LOG - 1)),
        };
        Self {
            reading,
            digits,
            abstention,
            half_win,
            sign: Table::sign(half_win.wrapping_neg()),
            levels: (0..rounds - 1).map(|level| level_tables(rounds, level, precise, half_win)).collect(),
            index: bracket.groups().iter().map(index_table).collect(),
            bracket,
        }
    }

    /// Counts what one instance takes: each match is switched once, and each group of index look-ups.
    pub(crate) fn effort(&self) -> Effort {
        let look_ups = |level: u32| self.bracket.matches_at(level).len() * self.tables(level).len();
        let look_ups: usize = (0..self.bracket.rounds()).map(look_ups).sum();
        let groups = match self.reading {
            Reading::Label => self.bracket.groups().len(),
            Reading::Test => 0,
        };
        let switches = self.bracket.matches().len() + groups;
        Effort { keyswitches: switches as u64, bootstraps: (look_ups + groups) as u64 }
    }

    /// Returns the tables that are read in each match of a level; what they put out is the sign, if it is asked for,
    /// and |x − y|, if somebody plays on.
    fn tables(&self, level: u32) -> Vec<&Table> {
        match (self.levels.get(level as usize), self.reading) {
            (None, _) => vec![&self.sign],
            (Some(Level::Coarse(joint)), _) => vec![joint],
            (Some(Level::Fine(absolute)), Reading::Label) => vec![&self.sign, absolute],
            (Some(Level::Fine(absolute)), Reading::Test) => vec![absolute],
        }
    }

    /// Seats the classes of each instance, after the abstention if it plays.
    pub(crate) fn begin(&self, counts: Vec<Vec<Lwe>>) -> Vec<Play> {
        let seat = |counts| {
            let abstention = self.abstention.map(without_noise);
            Play { values: abstention.into_iter().chain(counts).collect(), right_won: Vec::new() }
        };
        counts.into_iter().map(seat).collect()
    }

    /// Plays the tournaments of several instances side by side; `counts` holds C ciphertexts for each.
    ///
    /// Returns the digits of each label, or the one of each test. The result does not depend on `batch` or on
    /// how instances are put together.
    pub(crate) fn run(&self, keys: &EvaluationKeys, counts: Vec<Vec<Lwe>>, batch: usize) -> Vec<Vec<Lwe>> {
        let mut plays = self.begin(counts);
        for level in 0..self.bracket.rounds() {
            self.play_level(keys, &mut plays, level, batch);
        }
        match self.reading {
            Reading::Label => self.read_labels(keys, &plays, batch),
            Reading::Test => plays.into_iter().map(|play| play.right_won).collect(),
        }
    }

    /// Plays all matches of a level in all instances.
    pub(crate) fn play_level(&self, keys: &EvaluationKeys, plays: &mut [Play], level: u32, batch: usize) {
        let matches = &self.bracket.matches()[self.bracket.matches_at(level)];
        let inputs = self.switch_level(keys, plays, level);
        // nobody plays on after the final, so its value is not needed
        let is_final = level + 1 == self.bracket.rounds();
        let reads_sign = is_final || self.reading == Reading::Label;
        let tables = self.tables(level);
        let look_ups: Vec<LookUp<'_>> = inputs
            .iter()
            .flat_map(|input| tables.iter().map(move |&table| LookUp { input, table }))
            .collect();
        let mut outputs = keys.look_up_all(&look_ups, batch).into_iter();
        for play in plays {
            for &one in matches {
                if reads_sign {
                    self.note_sign(play, outputs.next());
                }
                if !is_final {
                    self.note_winner(play, one, level, outputs.next());
                }
            }
        }
    }

    /// Switches the differences of all matches of a level, instance by instance.
    pub(crate) fn switch_level(&self, keys: &EvaluationKeys, plays: &[Play], level: u32) -> Vec<Switched> {
        let matches = &self.bracket.matches()[self.bracket.matches_at(level)];
        let pairs: Vec<(&Play, Match)> =
            plays.iter().flat_map(|play| matches.iter().map(move |&one| (play, one))).collect();
        let differences: Vec<Lwe> =
            pairs.par_iter().map(|(play, one)| self.difference(play, *one, level)).collect();
        let precision = self.levels.get(level as usize).map_or(Precision::Fine, Level::precision);
        keys.switch_all(&differences, precision)
    }

    /// x − y at full range: the level's scale, doubled for each level that is still to come.
    fn difference(&self, play: &Play, one: Match, level: u32) -> Lwe {
        let mut difference = self.value_at(play, one.left, level);
        lwe_ciphertext_sub_assign(&mut difference, &self.value_at(play, one.right, level));
        shift_left(&mut difference, self.bracket.rounds() - 1 - level);
        difference
    }

    /// Returns a player's value at the scale of a level; one that had no opponent for a while is doubled.
    fn value_at(&self, play: &Play, player: Player, level: u32) -> Lwe {
        let mut value = play.values[player].clone();
        shift_left(&mut value, level - self.bracket.level(player));
        value
    }

    fn note_sign(&self, play: &mut Play, sign: Option<Lwe>) {
        let Some(mut sign) = sign else { return };
        lwe_ciphertext_plaintext_add_assign(&mut sign, Plaintext(self.half_win));
        play.right_won.push(sign);
    }

    /// x + y + |x − y| = 2·max(x, y), which is the winner's value at the scale of the next level.
    fn note_winner(&self, play: &mut Play, one: Match, level: u32, absolute: Option<Lwe>) {
        let Some(mut winner) = absolute else { return };
        lwe_ciphertext_add_assign(&mut winner, &self.value_at(play, one.left, level));
        lwe_ciphertext_add_assign(&mut winner, &self.value_at(play, one.right, level));
        let half_range = (POLYNOMIAL_SIZE as u64 / 2) << tick_log(self.bracket.rounds(), level);
        lwe_ciphertext_plaintext_add_assign(&mut winner, Plaintext(half_range));
        play.values.push(winner);
    }

    /// Carries out the index look-ups and adds up what the groups give for each digit.
    fn read_labels(&self, keys: &EvaluationKeys, plays: &[Play], batch: usize) -> Vec<Vec<Lwe>> {
        let groups = self.bracket.groups();
        let pairs: Vec<(&Play, &Group)> =
            plays.iter().flat_map(|play| groups.iter().map(move |group| (play, group))).collect();
        let inputs: Vec<Lwe> = pairs.par_iter().map(|(play, group)| index_input(play, group)).collect();
        let inputs = keys.switch_all(&inputs, Precision::Fine);
        let look_ups: Vec<LookUp<'_>> = inputs
            .iter()
            .zip(self.index.iter().cycle())
            .map(|(input, table)| LookUp { input, table })
            .collect();
        let outputs = keys.look_up_all(&look_ups, batch);
        outputs.chunks(groups.len()).map(|outputs| self.add_up(groups, outputs)).collect()
    }

    fn add_up(&self, groups: &[Group], outputs: &[Lwe]) -> Vec<Lwe> {
        let mut digits = vec![zero(); self.digits];
        for (group, output) in groups.iter().zip(outputs) {
            lwe_ciphertext_add_assign(&mut digits[group.digit], output);
        }
        digits
    }
}

/// log2 of one tick of the difference at the scale of a level.
const fn tick_log(rounds: u32, level: u32) -> u32 {
    TICK_LOG - (rounds - 1 - level)
}

/// Returns the tables of a level before the last one; `precise` levels before the last are read finely.
fn level_tables(rounds: u32, level: u32, precise: u32, half_win: u64) -> Level {
    let tick_log = tick_log(rounds, level);
    let half_range = (POLYNOMIAL_SIZE as u64 / 2) << tick_log;
    // |x − y| less half the range, at the scale of the level
    let absolute = move |half_ticks: u64| (half_ticks << (tick_log - 1)).wrapping_sub(half_range);
    if rounds - 2 - level < precise {
        // entries follow the middle of each tick
        Level::Fine(Table::new(|tick| absolute(2 * tick + 1)))
    } else {
        // an odd entry stands for the two ticks around its beginning
        Level::Coarse(Table::joint(|_| half_win.wrapping_neg(), |tick| absolute(2 * tick)))
    }
}

fn index_table(group: &Group) -> Table {
    let ticks_per_box = POLYNOMIAL_SIZE / group.boxes();
    Table::new(|tick| group.digit_in_box(tick as usize / ticks_per_box) << DIGIT_LOG)
}

/// Returns the input w·2^b + v of an index look-up, placed in the middle of its box.
fn index_input(play: &Play, group: &Group) -> Lwe {
    let mut input = zero();
    for (bit, &number) in (0..).zip(&group.local) {
        let mut right_won = play.right_won[number].clone();
        shift_left(&mut right_won, bit);
        lwe_ciphertext_add_assign(&mut input, &right_won);
    }
    let win_bit = group.local.len() as u32;
    for &(number, side) in &group.path {
        let mut right_won = play.right_won[number].clone();
        shift_left(&mut right_won, win_bit);
        match side {
            Side::Right => lwe_ciphertext_add_assign(&mut input, &right_won),
            Side::Left => {
                lwe_ciphertext_sub_assign(&mut input, &right_won);
                lwe_ciphertext_plaintext_add_assign(&mut input, Plaintext(1 << (WIN_LOG + win_bit)));
            }
        }
    }
    let box_log = 63 - group.boxes().trailing_zeros();
    shift_left(&mut input, box_log - WIN_LOG);
    lwe_ciphertext_plaintext_add_assign(&mut input, Plaintext(1 << (box_log - 1)));
    input
}

/// Returns an encryption of zero without noise.
pub(crate) fn zero() -> Lwe {
    LweCiphertext::new(0, crate::parameters::FULL.large_size(), modulus())
}

/// Returns a ciphertext without noise of a plaintext that everybody knows.
pub(crate) fn without_noise(plaintext: u64) -> Lwe {
    let mut ciphertext = zero();
    lwe_ciphertext_plaintext_add_assign(&mut ciphertext, Plaintext(plaintext));
    ciphertext
}

fn shift_left(ciphertext: &mut Lwe, bits: u32) {
    if bits > 0 {
        lwe_ciphertext_cleartext_mul_assign(ciphertext, Cleartext(1 << bits));
    }
}
