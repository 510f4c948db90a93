//! Attacks by somebody who saw the engine for the first time: each bit on the code of that day.

mod boxes;
mod chaos;
mod key_chaos;
mod sessions;
mod turns;

use base::Step;
use base::ids::Digest;
use borsh::BorshDeserialize as _;

use super::attacks::small;
use super::board::{Board, World, facts, run, task};
use super::ceremonies::{self, lie};
use super::interruptions::{batches, body};
use crate::ceremony::message::Speech;
use crate::draw::Stream;
use crate::grid::Grid;
use crate::phase::product::product_64;
use crate::plan::{Plan, Question, Verdict};
use crate::session::message::{Body, Message, Said};
use crate::session::{End, Output, Record, RecordError, Refusal, Session, Testimony, VerifyError, verify};
use crate::sharing::{Group, Sharing, Trustee};
use crate::sum::{DEGREE, Layout, Sum};

fn signed(world: &World, liar: Trustee, said: &Said) -> Vec<u8> {
    Message { signed: world.identities[liar.index()].sign(said), sealed: Vec::new() }.to_bytes()
}

fn said(bytes: &[u8]) -> Said {
    Message::from_bytes(bytes).unwrap().signed.unverified().unwrap()
}

/// How many seeds a test of chaos takes: these, or what the script tally-long.sh asks for.
fn seeds(short: u64) -> u64 {
    std::env::var("CHAOS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(short)
}

/// Chooses at random, repeatably.
struct Dice(Stream);

impl Dice {
    fn new(seed: u64) -> Self {
        let mut key = [0x5a; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        Self(Stream::new(&key))
    }

    fn below(&mut self, end: usize) -> usize {
        (self.0.next_word() % end.max(1) as u64) as usize
    }

    fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }
}
