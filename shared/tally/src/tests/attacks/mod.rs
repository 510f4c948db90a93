//! Lies of every coalition of t trustees. Every test asserts that its lie was told.

mod computing;
mod messages;
mod stating;

use base::Step;

use super::board::{Ran, Task, World, run, task};
use super::correctness::in_the_clear;
use super::lies::Tamper;
use crate::plan::Verdict;
use crate::session::End;
use crate::session::message::{Body, Message};
use crate::sharing::{Sharing, Trustee};

const COUNTS: [i64; 6] = [3, 5, 4, 2, 2, 1];

pub(in crate::tests) fn small(world: &World) -> Task {
    task(world, 3, &COUNTS, None, Step::Label)
}

fn right() -> Vec<(u32, Verdict)> {
    (0..).zip(COUNTS.chunks(3).map(|counts| in_the_clear(counts, None))).collect()
}

/// All groups of t trustees that are present.
pub(in crate::tests) fn coalitions(sharing: Sharing) -> Vec<Vec<Trustee>> {
    let present: Vec<Trustee> = sharing.group(0).members().collect();
    match sharing.corrupt() {
        1 => present.into_iter().map(|liar| vec![liar]).collect(),
        _ => {
            let pairs = present.iter().enumerate();
            pairs
                .flat_map(|(place, one)| present[place + 1..].iter().map(|other| vec![*one, *other]))
                .collect()
        }
    }
}

fn honest(ran_in: Sharing, coalition: &[Trustee]) -> Vec<Trustee> {
    ran_in.group(0).members().filter(|trustee| !coalition.contains(trustee)).collect()
}

/// Runs a lie of all members of a coalition, and returns how often it was told.
fn lied(world: &World, task: &Task, coalition: &[Trustee], make: impl Fn(usize) -> Tamper) -> (Ran, usize) {
    let lies: Vec<(Trustee, Tamper)> =
        coalition.iter().enumerate().map(|(place, liar)| (*liar, make(place))).collect();
    let ran = run(world, task, &lies);
    let told = lies.iter().map(|(_, tamper)| tamper.told()).sum();
    (ran, told)
}

/// No honest trustee has labels, and each that ended did so for a reason that fits.
fn refused(sharing: Sharing, coalition: &[Trustee], ran: &Ran, fits: impl Fn(&End) -> bool) {
    let honest = honest(sharing, coalition);
    assert!(
        honest.iter().all(|trustee| !ran.labels.contains_key(trustee)),
        "{sharing}: a lie of {coalition:?} passed"
    );
    let ends: Vec<&End> = honest.iter().filter_map(|trustee| ran.ended.get(trustee)).collect();
    let own = ends.iter().filter(|end| !matches!(end, End::Stopped { .. }));
    assert!(
        own.clone().count() > 0 && own.into_iter().all(|end| fits(end)),
        "{sharing}, {coalition:?}: {ends:?}"
    );
    assert_eq!(ends.len(), honest.len(), "{sharing}, {coalition:?}: an honest trustee still waits");
}

/// The number of exchanges in which summands are shared.
fn sharing_exchanges(world: &World, task: &Task) -> u32 {
    let ran = run(world, task, &[]);
    let corrections = ran.sent.iter().filter_map(|(_, bytes)| {
        let said = Message::from_bytes(bytes)?.signed.unverified().ok()?;
        matches!(said.body, Body::Correction { .. }).then_some(said.exchange)
    });
    corrections.max().unwrap()
}
