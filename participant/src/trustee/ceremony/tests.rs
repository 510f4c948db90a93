//! Trustees that make a key over a board in memory, through crashes.

use Duration;

use tally::{ceremony::SecretName, sharing::Sharing};

use super::*;
use crate::{
    testing::Trustees,
    trustee::keyring::{self, KeyringError},
};

#[tokio::test]
async fn trustees_make_a_key_although_one_crashes_after_each_message_and_every_home_holds_its_pieces() {
    for sharing in [Sharing::ThreeOne, Sharing::FourOne] {
        let story = Trustees::approved(sharing, "");
        story.make_key_with_crashes(2).await;
        let (keys, _) = story.certified().unwrap();
        for id in 1..=story.homes.len() as u32 {
            let (home, place) = (&story.homes[id as usize - 1], story.seat(id).place);
            keyring::load(home, &keys, place).unwrap();
            let store = Store::of(home, story.ceremony());
            assert!(store.secret(SecretName::BoxKey).unwrap().is_none(), "the box key is destroyed");
            assert!(store.secret(SecretName::Contributions).unwrap().is_none());
        }
        // The pieces of one trustee are not those of another.
        let foreign = keyring::load(&story.homes[0], &keys, story.seat(2).place);
        assert!(matches!(foreign, Err(KeyringError::Foreign(_))));
    }
}

#[tokio::test]
async fn pieces_of_another_key_and_lost_ones_are_told_apart() {
    let (story, other) =
        (Trustees::approved(Sharing::ThreeOne, ""), Trustees::approved(Sharing::ThreeOne, ""));
    story.make_key_with_crashes(1).await;
    other.make_key_with_crashes(1).await;
    let (keys, place) = (story.certified().unwrap().0, story.seat(1).place);
    let home = &story.homes[0];
    let (mine, theirs) = (
        home.ceremony_secrets(story.ceremony()).join("roots.bin"),
        other.homes[0].ceremony_secrets(other.ceremony()).join("roots.bin"),
    );
    std::fs::copy(&theirs, &mine).unwrap();
    assert!(matches!(keyring::load(home, &keys, place), Err(KeyringError::Foreign(_))));
    std::fs::remove_file(&mine).unwrap();
    let missing = keyring::load(home, &keys, place).map(drop).unwrap_err().to_string();
    assert!(missing.contains("participant trustee restore"), "{missing}");
}

#[test]
fn only_the_ceremony_that_the_transcript_names_is_held_and_none_after_the_pieces_were_destroyed() {
    let story = Trustees::approved(Sharing::ThreeOne, "");
    let (replay, seat, home) = (story.board.replay(), story.seat(1), &story.homes[0]);
    check(home, &replay, &seat, story.ceremony()).unwrap();
    let asked = Digest::of(b"another");
    assert!(matches!(check(home, &replay, &seat, asked), Err(HoldError::Other { asked: a }) if a == asked));
    crate::trustee::keys::mark_destroyed(home, replay.federation()).unwrap();
    assert!(matches!(check(home, &replay, &seat, story.ceremony()), Err(HoldError::Destroyed)));
    std::fs::remove_file(home.trustee().join("approval.json")).unwrap();
    assert!(matches!(check(home, &replay, &seat, story.ceremony()), Err(HoldError::Agreement(_))));
}

#[tokio::test]
async fn a_ceremony_whose_secrets_are_gone_is_not_begun_with_fresh_ones() {
    let story = Trustees::approved(Sharing::ThreeOne, "");
    let (holder, line) = (story.holder(1), story.line(1, usize::MAX));
    drop(tokio::time::timeout(Duration::from_millis(200), hold(&line, &holder)).await);
    let store = Store::of(&story.homes[0], story.ceremony());
    store.destroy(SecretName::Contributions).unwrap();
    let refused = hold(&story.line(1, usize::MAX), &story.holder(1)).await;
    assert!(matches!(refused, Err(HoldError::Engine(_))), "{refused:?}");
}

#[tokio::test]
async fn destroyed_roots_leave_nothing_behind() {
    let story = Trustees::approved(Sharing::ThreeOne, "");
    story.make_key_with_crashes(3).await;
    let home = &story.homes[2];
    assert!(store::holds_anything(home));
    let path = home.ceremony_secrets(story.ceremony()).join("roots.bin");
    let second_name = home.root().join("hard-link");
    std::fs::hard_link(&path, &second_name).unwrap();
    assert!(store::destroy_all(home).unwrap());
    assert!(!store::holds_anything(home) && !path.exists());
    assert!(std::fs::read(second_name).unwrap().iter().all(|byte| *byte == 0));
}
