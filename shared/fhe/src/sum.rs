//! The running sum of ballots, added as raw words before any expansion.
//!
//! A ballot has nothing below the upper 32 bits of its words, and so has the sum.

use super::ballot::BallotBody;
use super::expand;
use super::frame::{FrameError, FrameReader, FrameWriter, Kind};
use super::layout::Layout;

/// The sum of the ballots added so far, itself an encryption of the summed counts.
#[derive(Clone, PartialEq, Eq)]
pub struct RunningSum {
    layout: Layout,
    ballots: u32,
    /// The upper 32 bits of every word.
    words: Vec<u32>,
}

const SUM_WORD: usize = size_of::<u32>();

/// Why a ballot cannot be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SumError {
    /// The ballot was read for another round.
    #[error(
        "a ballot of {got_instances} instances of {got_classes} classes cannot be added to a sum of \
         {instances} instances of {classes} classes"
    )]
    Layout {
        /// Classes of the sum.
        classes: usize,
        /// Instances of the sum.
        instances: usize,
        /// Classes of the ballot.
        got_classes: usize,
        /// Instances of the ballot.
        got_instances: usize,
    },
    /// Too many ballots.
    #[error("the sum already holds {0} ballots, the most that can be counted")]
    Full(u32),
}

impl RunningSum {
    /// Starts the sum of a round at zero.
    #[must_use]
    pub fn new(layout: Layout) -> Self {
        Self { layout, ballots: 0, words: vec![0; layout.words()] }
    }

    /// Adds one ballot.
    ///
    /// # Errors
    /// Refuses a ballot of another layout; the sum is then unchanged.
    pub fn add(&mut self, ballot: &BallotBody) -> Result<(), SumError> {
        if ballot.layout() != self.layout {
            return Err(SumError::Layout {
                classes: self.layout.classes(),
                instances: self.layout.instances(),
                got_classes: ballot.layout().classes(),
                got_instances: ballot.layout().instances(),
            });
        }
        self.ballots = self.ballots.checked_add(1).ok_or(SumError::Full(self.ballots))?;
        ballot.add_to(&mut self.words);
        Ok(())
    }

    /// Returns the layout of the round.
    #[must_use]
    pub const fn layout(&self) -> Layout {
        self.layout
    }

    /// Returns the upper 32 bits of every word: per list those of the mask, then one per slot.
    #[must_use]
    pub fn words(&self) -> &[u32] {
        &self.words
    }

    /// Returns how many ballots were added.
    #[must_use]
    pub const fn ballots(&self) -> u32 {
        self.ballots
    }

    /// Returns the sum as a frame: header, classes, instances, ballots, words of four bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let content = LayoutFields::BYTES + 4 + self.words.len() * SUM_WORD;
        let mut frame = FrameWriter::new(Kind::RunningSum, content);
        LayoutFields::write(&mut frame, self.layout);
        frame.bytes(&self.ballots.to_le_bytes()).half_words(&self.words).finish()
    }

    /// Reads the frame of a sum of this layout.
    ///
    /// # Errors
    /// Refuses another kind of frame, another layout and any other length.
    pub fn from_bytes(bytes: &[u8], layout: Layout) -> Result<Self, FrameError> {
        let mut frame = FrameReader::header(bytes, Kind::RunningSum)?;
        LayoutFields::expect(&mut frame, layout)?;
        let ballots = u32::from_le_bytes(frame.array()?);
        frame.expect_rest(layout.words() * SUM_WORD)?;
        let (words, _) = frame.rest().as_chunks();
        Ok(Self { layout, ballots, words: words.iter().map(|word| u32::from_le_bytes(*word)).collect() })
    }

    /// Expands the ciphertext of one slot: 2048 mask words and the body, or `None` beyond the last slot.
    #[must_use]
    pub fn slot_ciphertext(&self, slot: usize) -> Option<Vec<u64>> {
        (slot < self.layout.slots()).then(|| expand::slot(self, slot).into_container())
    }

    /// Returns the upper halves of the words of list number `index`: 2048 of the mask, then one per slot.
    pub(crate) fn list_words(&self, index: usize) -> &[u32] {
        &self.words[self.layout.list(index).words]
    }
}

impl std::fmt::Debug for RunningSum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunningSum")
            .field("layout", &self.layout)
            .field("ballots", &self.ballots)
            .finish_non_exhaustive()
    }
}

/// The layout as it stands in frames: classes and instances, four bytes each.
pub(crate) struct LayoutFields;

impl LayoutFields {
    pub(crate) const BYTES: usize = 8;

    pub(crate) fn write(frame: &mut FrameWriter, layout: Layout) {
        // both are bounded far below 2^32 by Layout::new
        frame.bytes(&(layout.classes() as u32).to_le_bytes());
        frame.bytes(&(layout.instances() as u32).to_le_bytes());
    }

    pub(crate) fn expect(frame: &mut FrameReader<'_>, layout: Layout) -> Result<(), FrameError> {
        let got_classes = u32::from_le_bytes(frame.array()?) as usize;
        let got_instances = u32::from_le_bytes(frame.array()?) as usize;
        if got_classes == layout.classes() && got_instances == layout.instances() {
            return Ok(());
        }
        Err(FrameError::OtherLayout {
            what: frame.what(),
            classes: layout.classes(),
            instances: layout.instances(),
            got_classes,
            got_instances,
        })
    }
}
