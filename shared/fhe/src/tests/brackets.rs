//! The bracket, played in the clear.

use super::super::circuits::bracket::{Bracket, Group, MAX_BOXES, Side};
use super::super::labels;
use super::*;

/// Which side wins each match if `winner` wins all its matches and the left side all others.
fn outcomes(bracket: &Bracket, seats: usize, winner: usize) -> Vec<bool> {
    let mut champions: Vec<usize> = (0..seats).collect();
    let mut right_won = Vec::new();
    for one in bracket.matches() {
        let right = champions[one.right] == winner;
        right_won.push(right);
        champions.push(if right { winner } else { champions[one.left] });
    }
    assert_eq!(champions.last(), Some(&winner), "the last match is the final");
    right_won
}

fn read(group: &Group, right_won: &[bool]) -> u64 {
    let won = |&(number, side): &(usize, Side)| right_won[number] == (side == Side::Right);
    let wins = group.path.iter().filter(|step| won(step)).count();
    let local: usize =
        (0..).zip(&group.local).map(|(bit, &number)| usize::from(right_won[number]) << bit).sum();
    group.digit_in_box(wins << group.local.len() | local)
}

/// Returns all numbers of classes, without and with an abstention.
fn brackets() -> impl Iterator<Item = (usize, bool)> {
    (2..=MAX_CLASSES).flat_map(|classes| [(classes, false), (classes, true)])
}

#[test]
fn every_winner_of_every_number_of_classes_is_read_off_the_matches() {
    for (classes, abstention) in brackets() {
        let bracket = Bracket::new(classes, abstention);
        let seats = classes + usize::from(abstention);
        assert_eq!(bracket.matches().len(), seats - 1);
        for winner in 0..seats {
            let right_won = outcomes(&bracket, seats, winner);
            let mut digits = vec![0; labels::digits_per_label(classes)];
            for group in bracket.groups() {
                digits[group.digit] += read(group, &right_won);
            }
            // with an abstention the first seat is its own, and has the label 0
            let label = if abstention { winner } else { winner + 1 };
            assert_eq!(labels::label(&digits), label as u64, "{classes} classes, {abstention}");
        }
    }
}

#[test]
fn no_index_look_up_has_more_than_sixteen_boxes() {
    for (classes, abstention) in brackets() {
        for group in Bracket::new(classes, abstention).groups() {
            assert!(group.boxes() <= MAX_BOXES, "{classes} classes, {abstention}: {group:?}");
            assert!((group.path.len() + 1) << group.local.len() <= group.boxes());
        }
    }
}

#[test]
fn each_player_plays_once_at_its_level_or_above() {
    for (classes, abstention) in brackets() {
        let bracket = Bracket::new(classes, abstention);
        let seats = classes + usize::from(abstention);
        let mut played = vec![0; 2 * seats - 1];
        let mut matches = 0;
        for level in 0..bracket.rounds() {
            for number in bracket.matches_at(level) {
                let one = bracket.matches()[number];
                assert_eq!(bracket.level(seats + number), level + 1);
                for player in [one.left, one.right] {
                    assert!(bracket.level(player) <= level);
                    played[player] += 1;
                }
                matches += 1;
            }
        }
        assert_eq!(matches, seats - 1);
        let final_winner = played.pop();
        assert_eq!(final_winner, Some(0));
        assert!(played.iter().all(|&times| times == 1));
    }
}

#[test]
fn few_index_look_ups_suffice() {
    // ten classes: nine signs, eight absolute values and three index look-ups make the twenty of the cost
    // table
    assert_eq!(Bracket::new(10, false).groups().len(), 3);
    assert_eq!(Bracket::new(2, false).groups().len(), 1);
    let most =
        |abstention| (2..=MAX_CLASSES).map(|classes| Bracket::new(classes, abstention).groups().len()).max();
    assert_eq!(most(false), Some(55));
    // a threshold costs ten classes a sign, an absolute value and one index look-up
    assert_eq!(Bracket::new(10, true).groups().len(), 4);
    assert_eq!(most(true), Some(56));
    let more = |classes| {
        let groups = |abstention| Bracket::new(classes, abstention).groups().len();
        groups(true).checked_sub(groups(false))
    };
    assert_eq!(more(100), Some(1));
    assert_eq!((2..=MAX_CLASSES).map(more).max(), Some(Some(3)));
}

#[test]
fn the_abstention_meets_the_winner_of_all_classes_in_the_last_match() {
    for classes in 2..=MAX_CLASSES {
        let bracket = Bracket::new(classes, true);
        let last = bracket.matches().last().unwrap();
        // the winner of the final before it stands last among the players but one
        assert_eq!((last.left, last.right), (0, 2 * classes - 1), "{classes} classes");
        let without = Bracket::new(classes, false);
        assert_eq!(bracket.rounds(), without.rounds() + 1);
    }
}
