//! Whole sessions on each kernel of the check: trustees with different machines compute together.

use std::collections::BTreeMap;

use base::Step;

use super::attacks::small;
use super::board::{Board, Ran, Task, World, run, task};
use super::correctness::histograms;
use super::interruptions::batches;
use crate::field::kernel::tests::{Choice, is_carryless, on};
use crate::session::{End, Record};
use crate::sharing::Sharing;

fn tasks(world: &World) -> Vec<Task> {
    let with_threshold = task(world, 10, &histograms(3, 10, 100, 250), Some(150), Step::Label);
    vec![small(world), batches(world).0, with_threshold]
}

fn on_one(choice: Choice, world: &World, task: &Task) -> Ran {
    let (ran, calls) = on(choice, || run(world, task, &[]));
    assert!(calls > 100, "the kernel was called {calls} times");
    ran
}

#[test]
fn a_session_says_the_same_on_every_kernel() {
    for sharing in Sharing::ALL {
        let world = World::new(sharing, 3);
        for task in tasks(&world) {
            let portable = on_one(Choice::Portable, &world, &task);
            assert_eq!(portable.finished.len(), usize::from(sharing.quorum()), "{:?}", portable.ended);
            let fastest = run(&world, &task, &[]);
            assert_eq!(fastest.labels, portable.labels, "{sharing}");
            assert!(fastest.sent == portable.sent, "{sharing}: other bytes on the wire");
            assert!(fastest.journals == portable.journals, "{sharing}: other entries");
            if is_carryless() {
                let carryless = on_one(Choice::Carryless, &world, &task);
                assert!(carryless.sent == portable.sent, "{sharing}: other bytes on the wire");
            }
        }
    }
}

/// One trustee has the instruction, another has not, and the last one's products are wrong: the check says so.
#[test]
fn trustees_on_different_kernels_compute_together() {
    let sharing = Sharing::ThreeOne;
    let world = World::new(sharing, 3);
    let task = small(&world);
    // what is tabulated once per process is tabulated here, before anything is wrong
    let expected = run(&world, &task, &[]);
    for last in [Choice::Carryless, Choice::Wrong] {
        let choices: BTreeMap<_, _> =
            sharing.group(0).members().zip([Choice::Carryless, Choice::Portable, last]).collect();
        let mut board = Board::of(sharing.group(0).members());
        let mut queue = Vec::new();
        for trustee in sharing.group(0).members() {
            let record = Record::new(task.facts.round, Step::Label, []);
            on(choices[&trustee], || board.join(&world, trustee, &task, record, &[]));
        }
        loop {
            board.drain(&mut |_, to, bytes| {
                queue.push((to, bytes.to_vec()));
                Vec::new()
            });
            if queue.is_empty() {
                break;
            }
            let (to, bytes) = queue.remove(0);
            on(choices[&to], || board.deliver(to, bytes));
        }
        if last == Choice::Carryless {
            assert!(board.ran.sent == expected.sent && board.ran.labels == expected.labels);
            continue;
        }
        // the control
        assert!(board.ran.labels.is_empty());
        let end = &board.ran.ended[&sharing.trustee(1).unwrap()];
        assert!(matches!(end, End::Check(0) | End::Dispute { .. } | End::Stopped { .. }), "{end}");
    }
}
