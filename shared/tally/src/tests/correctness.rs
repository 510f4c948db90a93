//! Labels equal a tally in the clear.

use std::sync::Arc;

use base::Step;

use super::board::{Board, Task, World, facts, run, task};
use crate::draw::Stream;
use crate::grid::Grid;
use crate::plan::{Plan, Question, Verdict};
use crate::sharing::Sharing;
use crate::sum::Layout;

/// The first class with the most votes, or abstention below a threshold.
pub(crate) fn in_the_clear(counts: &[i64], threshold: Option<u32>) -> Verdict {
    let most = counts.iter().max().unwrap();
    if threshold.is_some_and(|threshold| *most < i64::from(threshold)) {
        return Verdict::Abstained;
    }
    Verdict::Class(counts.iter().position(|count| count == most).unwrap() as u16)
}

/// Histograms of which a third has ties or leads of one vote.
pub(crate) fn histograms(seed: u8, classes: usize, labels: usize, votes: u64) -> Vec<i64> {
    let mut random = Stream::new(&[seed; 32]);
    let mut counts = Vec::with_capacity(classes * labels);
    for label in 0..labels {
        let spread = if label % 3 == 0 { 3 } else { votes };
        counts.extend((0..classes).map(|_| (random.next_word() % spread).cast_signed() - 1));
    }
    counts
}

fn check(sharing: Sharing, classes: u16, labels: usize, threshold: Option<u32>) {
    let world = World::new(sharing, 1);
    let counts = histograms(classes as u8, usize::from(classes), labels, 250);
    let task = task(&world, classes, &counts, threshold, Step::Label);
    let ran = run(&world, &task, &[]);
    let expected: Vec<Verdict> =
        counts.chunks(usize::from(classes)).map(|counts| in_the_clear(counts, threshold)).collect();
    let present = sharing.group(0);
    assert_eq!(ran.finished.len(), present.size(), "{sharing}: {:?}", ran.ended);
    for trustee in present.members() {
        let mut labels = ran.labels[&trustee].clone();
        labels.sort_by_key(|(instance, _)| *instance);
        let verdicts: Vec<Verdict> = labels.iter().map(|(_, verdict)| *verdict).collect();
        assert_eq!(verdicts, expected, "{sharing}, {classes} classes");
        assert!(labels.iter().map(|(instance, _)| *instance).eq(0..labels.len() as u32));
    }
    assert!(ran.liars.is_empty());
}

#[test]
fn two_thousand_histograms_of_ten_classes_have_their_labels() {
    for sharing in Sharing::ALL {
        check(sharing, 10, 2000, None);
    }
}

#[test]
fn fifty_histograms_of_a_hundred_classes_have_their_labels() {
    for sharing in Sharing::ALL {
        check(sharing, 100, 50, None);
        check(sharing, 100, 5, Some(200));
    }
}

#[test]
fn thresholds_decide_between_label_and_abstention() {
    for sharing in Sharing::ALL {
        check(sharing, 3, 300, Some(150));
        check(sharing, 2, 10, Some(1));
    }
}

#[test]
fn a_test_step_says_which_instances_pass() {
    for sharing in Sharing::ALL {
        let world = World::new(sharing, 2);
        let counts: Vec<i64> = (0..30).flat_map(|label| [40, 148 + label % 5, -3]).collect();
        let task = task(&world, 3, &counts, Some(150), Step::Test);
        let ran = run(&world, &task, &[]);
        let expected: Vec<(u32, Verdict)> = (0..30)
            .map(|label| (label, if label % 5 >= 2 { Verdict::Passed } else { Verdict::Failed }))
            .collect();
        assert!(ran.labels.values().all(|labels| *labels == expected), "{sharing}: {:?}", ran.ended);
        assert_eq!(ran.labels.len(), sharing.group(0).size());
    }
}

#[test]
fn the_second_step_opens_the_instances_that_passed_and_no_others() {
    let world = World::new(Sharing::ThreeOne, 2);
    let counts = histograms(4, 5, 900, 60);
    let mut task = task(&world, 5, &counts, None, Step::Label);
    let mut question = task.plan.question().clone();
    question.instances.retain(|instance| instance % 11 == 2);
    task.plan = Plan::new(world.sharing, question.clone()).unwrap().into();
    let ran = Board::begin(&world, &task, &[]).honest();
    let expected: Vec<(u32, Verdict)> = question
        .instances
        .iter()
        .map(|instance| (*instance, in_the_clear(&counts[5 * *instance as usize..][..5], None)))
        .collect();
    assert!(ran.labels.values().all(|labels| *labels == expected) && ran.labels.len() == 3);
}

/// Fractions of three leaders that nearly tie, in two levels: read as fixed-point counts they always have a label; read as
/// whole counts, which a cheat's fractions make of them, some are undecided, and the round goes on.
#[test]
fn fractions_are_undecided_where_counts_are_whole_and_never_where_they_are_not() {
    const CLASSES: usize = 20;
    for sharing in Sharing::ALL {
        let world = World::new(sharing, 2);
        let undecided = |grid: Grid| {
            let layout = Layout::new(CLASSES as u16, 216).unwrap();
            let tenths = |tenths: i64| (tenths << grid.fraction_bits()) / 10;
            let units: Vec<i64> = (0..216)
                .flat_map(|label| {
                    let mut counts = [tenths(-10); CLASSES];
                    let places = if label % 2 == 0 { [0, 1, 2] } else { [3, 9, 18] };
                    let leaders = [label % 6, label / 6 % 6, label / 36].map(|fifths| tenths(2 * fifths));
                    places.into_iter().zip(leaders).for_each(|(place, units)| counts[place] = units);
                    counts
                })
                .collect();
            let question = Question {
                step: Step::Label,
                layout,
                instances: (0..layout.instances()).collect(),
                grid,
                threshold: None,
            };
            let plan = Arc::new(Plan::new(sharing, question).unwrap());
            let sum = Arc::new(world.encrypt(layout, &grid, &units, 3));
            let ran = run(&world, &Task { plan, sum, facts: facts(0) }, &[]);
            assert_eq!(ran.finished.len(), usize::from(sharing.quorum()), "{sharing}: {:?}", ran.ended);
            let labels = ran.labels.into_values().next().unwrap();
            assert_eq!(labels.len(), 216);
            labels.iter().filter(|(_, verdict)| *verdict == Verdict::Undecided).count()
        };
        assert_eq!(undecided(Grid::fixed(sharing, 3, |_| 3).unwrap()), 0, "{sharing}");
        assert!(undecided(Grid::whole(sharing, 3, |_| 3).unwrap()) > 0, "{sharing}: the control");
    }
}
