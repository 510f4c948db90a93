//! The ballot whose tally is known: encrypted with public randomness, so that everybody can repeat it and judge what came out.

use base::ids::Digest;

use crate::ceremony::PublicKey;
use crate::ceremony::public_key::noise_of;
use crate::draw::Stream;
use crate::grid::{Counts, Grid};
use crate::phase::product::{KeyPiece, product_64};
use crate::plan::{LABELS, Verdict};
use crate::sum::{DEGREE, Layout, Sum, SumError};

/// Bits that a ballot drops from a word of a mask, and from a word of a slot.
const MASK_DROPPED: u32 = 32;
const SLOT_DROPPED: u32 = 40;

/// A sum of one ballot, and what its tally must say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownAnswer {
    /// The sum to be tallied: every class of every instance has −2 to 6 votes.
    pub sum: Sum,
    /// The verdict of each instance.
    pub verdicts: Vec<(u32, Verdict)>,
}

impl KnownAnswer {
    /// Makes the known answer of a key: one full list of instances of so many classes.
    ///
    /// # Errors
    /// Refuses a number of classes that no round has.
    pub fn new(certificate: &Digest, key: &PublicKey, classes: u16, grid: &Grid) -> Result<Self, SumError> {
        let instances = (DEGREE / usize::from(classes.max(1))) as u32;
        let layout = Layout::new(classes, instances)?;
        let mut stream = Stream::public("tally known answer", certificate);
        let slots = instances as usize * usize::from(classes);
        let mut counts: Vec<i64> = (0..slots).map(|_| (stream.next_word() % 8).cast_signed() - 2).collect();
        if grid.counts() == Counts::Fixed {
            // Without bias the noise would decide a tie.
            counts.chunks_mut(usize::from(classes)).for_each(lead);
        }
        let words = encrypt(key, grid, &counts, &mut stream);
        let verdict = |counts: &[i64]| Verdict::Class(leader(counts) as u16);
        let verdicts = (0..).zip(counts.chunks(usize::from(classes)).map(verdict)).collect();
        Ok(Self { sum: Sum::new(layout, words)?, verdicts })
    }
}

/// Encrypts counts, instance-major, with randomness that follows from a seed: for rehearsals, never for votes.
#[must_use]
pub fn encrypt_counts(key: &PublicKey, grid: &Grid, layout: Layout, counts: &[i64], seed: u64) -> Vec<u32> {
    let mut stream = Stream::public("tally rehearsal", &Digest::of(&seed.to_le_bytes()));
    let slots = layout.instances_per_list() * layout.classes();
    counts.chunks(slots).flat_map(|counts| encrypt(key, grid, counts, &mut stream)).collect()
}

/// The first class with the most votes.
fn leader(counts: &[i64]) -> usize {
    let most = counts.iter().max();
    counts.iter().position(|count| Some(count) == most).unwrap_or(0)
}

/// Gives the leader one vote more than all others.
fn lead(counts: &mut [i64]) {
    let leader = leader(counts);
    counts.iter_mut().skip(leader).take(1).for_each(|count| *count += 1);
}

/// Encrypts one list of counts as a ballot does, and returns the words it keeps: those of the mask rounded to 32 bits, those
/// of the slots to 24.
pub(crate) fn encrypt(key: &PublicKey, grid: &Grid, counts: &[i64], random: &mut Stream) -> Vec<u32> {
    let mut bits = [0; DEGREE / LABELS];
    random.add_to(&mut bits);
    let chosen = KeyPiece::from_bits(&bits).wide();
    let mut noise = vec![0; 2 * DEGREE];
    random.add_to(&mut noise);
    let (of_mask, of_body) = noise.split_at(DEGREE);
    let mask = product_64(&key.mask, &chosen);
    let body = product_64(&key.body, &chosen);
    let rounded = |word: u64, dropped: u32| word.wrapping_add(1 << (dropped - 1)) >> dropped;
    let mut words: Vec<u32> = mask
        .iter()
        .zip(of_mask)
        .map(|(word, noise)| rounded(word.wrapping_add(noise_of(*noise)), MASK_DROPPED) as u32)
        .collect();
    words.extend(counts.iter().zip(body.iter().rev()).zip(of_body).map(|((count, word), noise)| {
        let encoded = count.cast_unsigned().wrapping_mul(grid.scale());
        let word = word.wrapping_add(noise_of(*noise)).wrapping_add(encoded);
        (rounded(word, SLOT_DROPPED) << (SLOT_DROPPED - MASK_DROPPED)) as u32
    }));
    words
}
