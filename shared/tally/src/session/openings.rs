//! Agreement and opening of one batch: what was stated is compared, and what is opened is held against it.

use base::ids::Digest;

use super::message::{self, Opened, Stated};
use crate::check;
use crate::field::Element;
use crate::hidden::{Hidden, Words, xor_into};
use crate::plan::{LABELS, Plan, Verdict};
use crate::sharing::{Group, Piece, Sharing, Trustee};

/// The domains of the digests that are stated.
pub(crate) const CHECK: &str = "tally check piece";
pub(crate) const LABEL: &str = "tally label piece";

/// Bytes of an opened piece of the check: three elements.
const CHECK_BYTES: usize = 48;

/// The statements that all present holders agree on, and what has been opened of them.
pub(crate) struct Openings {
    sharing: Sharing,
    /// Per piece.
    stated: Vec<Stated>,
    check: Vec<Option<[Element; 3]>>,
    labels: Vec<Option<Vec<u64>>>,
    label_words: usize,
}

/// Two statements of one piece.
pub(crate) struct Dispute(pub(crate) Group);

impl Openings {
    /// Compares the statements of all present trustees; for every piece there is one at least. Of somebody who made several
    /// one must be that of the others.
    ///
    /// # Errors
    /// Names the holders of a piece of which two things are stated, or nothing.
    pub(crate) fn new(
        (sharing, present): (Sharing, Group),
        label_words: usize,
        statements: &[(Trustee, Vec<Stated>)],
    ) -> Result<Self, Dispute> {
        let mut stated = Vec::with_capacity(sharing.pieces());
        for piece in sharing.all_pieces() {
            let holders = sharing.set(piece).and(present);
            let by = |holder: Trustee| {
                let of_piece = move |stated: &&Stated| stated.piece == piece;
                let by_holder = statements.iter().filter(move |(trustee, _)| *trustee == holder);
                by_holder.filter_map(move |(_, all)| all.iter().find(of_piece))
            };
            let agreed =
                |stated: &&Stated| holders.members().all(|holder| by(holder).any(|other| other == *stated));
            let one = holders.members().next().and_then(|holder| by(holder).find(agreed));
            stated.push(*one.ok_or(Dispute(holders))?);
        }
        let pieces = sharing.pieces();
        Ok(Self { sharing, stated, check: vec![None; pieces], labels: vec![None; pieces], label_words })
    }

    /// Takes what a trustee opens of the check; returns whether all of it is what was stated. What is right is taken anyway.
    pub(crate) fn take_check(&mut self, sender: Trustee, opened: &[Opened]) -> bool {
        let mut right = self.covers(sender, opened);
        for opened in opened {
            let place = opened.piece.index();
            let stated = self.stated.get(place).is_some_and(|stated| stated.check == opened.digest(CHECK));
            match (stated, opened.bytes.len() == CHECK_BYTES) {
                (true, true) => self.check[place] = Some(elements(&opened.bytes)),
                _ => right = false,
            }
        }
        right
    }

    /// Takes what a trustee opens of the labels; returns whether all of it is what was stated. What is right is taken anyway.
    pub(crate) fn take_labels(&mut self, sender: Trustee, opened: &[Opened]) -> bool {
        let mut right = self.covers(sender, opened);
        for opened in opened {
            let place = opened.piece.index();
            let stated = self.stated.get(place).is_some_and(|stated| stated.labels == opened.digest(LABEL));
            let (words, rest) = opened.bytes.as_chunks::<8>();
            if stated && rest.is_empty() && words.len() == self.label_words {
                self.labels[place] = Some(words.iter().map(|word| u64::from_le_bytes(*word)).collect());
            } else {
                right = false;
            }
        }
        right
    }

    /// Whether a trustee opens the pieces it holds, each once.
    fn covers(&self, sender: Trustee, opened: &[Opened]) -> bool {
        opened.iter().map(|opened| opened.piece).eq(self.sharing.held(sender))
    }

    /// Returns whether x·y = τ, once all pieces of the three are known.
    pub(crate) fn holds(&self) -> Option<bool> {
        let mut sums = [Element::ZERO; 3];
        for piece in &self.check {
            sums.iter_mut().zip((*piece)?).for_each(|(sum, element)| *sum += element);
        }
        #[cfg(test)]
        if crate::tests::controls::get().no_check {
            return Some(true);
        }
        Some(check::holds(&sums))
    }

    /// Returns the verdicts of a batch, once all pieces of its labels are known.
    pub(crate) fn verdicts(&self, plan: &Plan, batch: u32) -> Option<Vec<(u32, Verdict)>> {
        let mut sums = vec![0; self.label_words];
        for piece in &self.labels {
            xor_into(&mut sums, piece.as_ref()?);
        }
        let blocks = plan.blocks(batch);
        let code = |label: usize| {
            let bit = |words: &[u64]| (words[label / LABELS] >> (label % LABELS)) as u32 & 1;
            sums.chunks(blocks).rev().fold(0, |code, words| code << 1 | bit(words))
        };
        let instances = plan.instances(batch).iter().enumerate();
        Some(instances.map(|(label, instance)| (*instance, plan.verdict(code(label)))).collect())
    }
}

fn elements(bytes: &[u8]) -> [Element; 3] {
    let mut elements = [Element::ZERO; 3];
    for (element, bytes) in elements.iter_mut().zip(bytes.as_chunks::<16>().0) {
        *element = Element(u128::from_le_bytes(*bytes));
    }
    elements
}

/// What a trustee will open of a piece, and keeps to itself until then.
pub(crate) struct Sealed {
    pub(crate) piece: Piece,
    pub(crate) salt: Hidden<[u8; 32]>,
    pub(crate) bytes: Hidden<Vec<u8>>,
}

impl Sealed {
    /// Takes the three elements of the check.
    pub(crate) fn check(piece: Piece, salt: Hidden<[u8; 32]>, ends: &[Element; 3]) -> Self {
        let mut bytes = Hidden::new(Vec::with_capacity(CHECK_BYTES));
        ends.iter().for_each(|element| bytes.extend_from_slice(&element.0.to_le_bytes()));
        Self { piece, salt, bytes }
    }

    /// Takes the words of the labels.
    pub(crate) fn labels(piece: Piece, salt: Hidden<[u8; 32]>, words: &Words) -> Self {
        Self { piece, salt, bytes: crate::shares::reshare::bytes(words) }
    }

    /// Returns what is to be published of it now.
    pub(crate) fn open(&self) -> Opened {
        Opened { piece: self.piece, salt: *self.salt, bytes: self.bytes.to_vec() }
    }

    /// Returns what is stated of it before.
    pub(crate) fn digest(&self, domain: &str) -> Digest {
        message::digest(domain, self.piece, &self.salt, &self.bytes)
    }
}

/// Returns how many words the labels of a batch take.
pub(crate) fn label_words(plan: &Plan, batch: u32) -> usize {
    plan.circuit().outputs().len() * plan.blocks(batch)
}
