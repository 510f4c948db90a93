//! How far an attempt is, by who has said something where.

use std::collections::BTreeMap;

use protocol::{transcript::Task, wire::Progress};
use tally::{
    plan::Plan,
    sharing::{Group, Sharing},
};

use crate::storage::HeardRow;

/// Who has said something in every exchange of an attempt.
#[derive(Debug)]
pub struct Heard<'a> {
    plan: &'a Plan,
    sharing: Sharing,
    present: Group,
    said: BTreeMap<(u32, u32), Group>,
}

/// The exchange at which the first batch is whose labels are not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Front {
    /// The batch.
    pub batch: u32,
    /// The exchange.
    pub exchange: u32,
    /// Who has not said anything in it.
    pub missing: Group,
}

/// Reads a group of trustees: bit n − 1 stands for trustee n.
pub fn group(sharing: Sharing, bits: u8) -> Group {
    let is_in =
        |number: u8| bits.checked_shr(u32::from(number.saturating_sub(1))).is_some_and(|bit| bit & 1 == 1);
    Group::of(sharing.everyone().members().filter(|trustee| is_in(trustee.number())))
}

/// Writes a group of trustees as it is read.
pub(super) fn bits(group: Group) -> u8 {
    let bit = |number: u8| 1_u8.checked_shl(u32::from(number.saturating_sub(1))).unwrap_or_default();
    group.members().fold(0, |bits, trustee| bits | bit(trustee.number()))
}

impl<'a> Heard<'a> {
    /// Takes what was said in an attempt.
    pub fn new(task: &'a Task, attempt: u32, rows: &[HeardRow]) -> Self {
        let (sharing, plan) = (task.sharing, &*task.plan);
        let said = rows.iter().map(|row| ((row.batch, row.exchange), group(sharing, row.senders)));
        Self { plan, sharing, present: sharing.group(attempt), said: said.collect() }
    }

    fn said(&self, batch: u32, exchange: u32) -> Group {
        self.said.get(&(batch, exchange)).copied().unwrap_or_else(|| Group::of([]))
    }

    fn missing(&self, batch: u32, exchange: u32) -> Group {
        let said = self.said(batch, exchange);
        Group::of(self.present.members().filter(|trustee| !said.contains(*trustee)))
    }

    // A plan has at most as many batches as instances.
    fn batches(&self) -> std::ops::Range<u32> {
        0..self.plan.batches() as u32
    }

    /// Returns whether a holder of every piece has opened the labels of a batch: more is not needed.
    fn is_open(&self, batch: u32) -> bool {
        let opened = self.said(batch, self.plan.exchanges(batch));
        self.sharing.sets().all(|set| set.and(opened).size() > 0)
    }

    /// Returns whether the labels of all batches may be open; what was opened is not looked at.
    pub fn is_complete(&self) -> bool {
        self.batches().all(|batch| self.is_open(batch))
    }

    /// Returns the number of batches whose labels are open, and of all.
    pub fn open_batches(&self) -> Progress {
        let done = self.batches().filter(|batch| self.is_open(*batch)).count() as u32;
        Progress { done, total: self.batches().end }
    }

    /// Returns where the first batch is whose labels are not open; nothing once all are.
    pub fn front(&self) -> Option<Front> {
        let firsts = self.missing(0, 0);
        if firsts.size() > 0 {
            return Some(Front { batch: 0, exchange: 0, missing: firsts });
        }
        let batch = self.batches().find(|batch| !self.is_open(*batch))?;
        let last = self.plan.exchanges(batch);
        let exchange = (1..=last).find(|exchange| self.missing(batch, *exchange).size() > 0).unwrap_or(last);
        Some(Front { batch, exchange, missing: self.missing(batch, exchange) })
    }

    /// Returns the number of exchanges that all present trustees have spoken in, and of all.
    pub fn exchanges(&self) -> Progress {
        let (mut done, mut total) = (u32::from(self.missing(0, 0).size() == 0), 1_u32);
        for batch in self.batches() {
            let all = self.plan.exchanges(batch);
            let spoken =
                (1..=all).filter(|exchange| self.missing(batch, *exchange).size() == 0).count() as u32;
            done = done.saturating_add(if self.is_open(batch) { all } else { spoken });
            total = total.saturating_add(all);
        }
        Progress { done, total }
    }
}
