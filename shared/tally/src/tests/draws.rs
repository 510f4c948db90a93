//! A log of all draws, whatever happens: no draw covers two data.

use base::Step;
use base::ids::Digest;

use super::attacks::small;
use super::board::{Board, Task, World, run, task};
use super::controls::{Controls, without};
use super::interruptions::{batches, openings, two_pasts};
use crate::draw::log;
use crate::session::Record;
use crate::sharing::Sharing;

/// Attempts, groups, batches, restarts, liars, two sums by homes that were rolled back.
fn eventful(world: &World) {
    let (mut task_one, _) = batches(world);
    run(world, &task_one, &[]);
    let small = small(world);
    let liar = world.sharing.group(0).members().next().unwrap();
    let members = world.sharing.group(0).members();
    let (_, other) = log::paused(|| two_pasts(world, &small, liar));
    for victim in members.filter(|trustee| *trustee != liar) {
        openings(world, &small, victim, &[], &other);
    }
    for attempt in 1..4 {
        task_one.facts.attempt = attempt;
        run(world, &task_one, &[]);
    }
    let mut board = Board::of(world.sharing.group(0).members());
    board.crash = Some((liar, 9));
    for trustee in world.sharing.group(0).members() {
        board.join(world, trustee, &small, Record::new(small.facts.round, Step::Label, []), &[]);
    }
    board.drain(&mut |_, _, bytes| vec![bytes.to_vec()]);
    let other = Task { plan: small.plan.clone(), ..task(world, 3, &[4, 5, 4, 2, 2, 1], None, Step::Label) };
    run(world, &other, &[]);
}

#[test]
fn no_draw_covers_two_data() {
    for sharing in Sharing::ALL {
        let world = World::new(sharing, 4);
        log::start();
        eventful(&world);
        let (draws, twice) = log::finish();
        assert!(draws > 500 && twice == 0, "{sharing}: {twice} of {draws} draws cover two data");
        // the negative control: labels that do not name what was seen
        log::start();
        without(Controls { unseen: true, ..Controls::default() }, || eventful(&world));
        let (_, twice) = log::finish();
        assert!(twice > 0, "{sharing}");
    }
}

#[test]
fn a_ceremony_and_three_rounds_draw_nothing_twice() {
    log::start();
    let world = super::ceremonies::new_world(Sharing::FourOne);
    let (mut task, _) = batches(&world);
    for round in 0..3 {
        task.facts.round = base::ids::RoundId::from_bytes([round; 16]);
        task.facts.head = Digest::of(&[round]);
        assert_eq!(run(&world, &task, &[]).labels.len(), 3);
    }
    let (draws, twice) = log::finish();
    assert!(draws > 1000 && twice == 0, "{twice} of {draws}");
}
