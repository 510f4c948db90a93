//! Stories of an agent that follows a coordinator, honest or not.

use std::{fs, io::Write as _};

use base::{clock::Millis, identity::Identity};
use protocol::transcript::EventBody;

use super::*;
use crate::testing::{Board, Federation, round};

/// Participant 2's home beside a coordinator.
struct Story {
    board: Board,
    home: Home,
    _folder: tempfile::TempDir,
}

impl Story {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        home.make_folders().unwrap();
        Self { board: Board::keyed(Federation::of_three_trustees()), home, _folder: folder }
    }

    fn chain(&self) -> Result<Chain, FollowError> {
        Chain::load(&self.home, &self.board.federation.membership(2))
    }

    fn kept(&self) -> Vec<Signed<Event>> {
        EventFile::read(&self.home.transcript()).unwrap()
    }
}

#[tokio::test]
async fn new_events_are_followed_page_by_page_and_survive_a_restart() {
    let mut story = Story::new();
    let mut chain = story.chain().unwrap();
    assert!(story.board.events.len() > 2 * story.board.page, "the scene has several pages");
    let replay = chain.follow(&story.board).await.unwrap();
    assert_eq!(replay.head(), story.board.replay().head());

    story.board.announce(round(1));
    drop(chain);
    let mut chain = story.chain().unwrap();
    assert_eq!(chain.length() + 1, story.board.events.len() as u64, "what was seen is known after a restart");
    assert!(chain.follow(&story.board).await.unwrap().round(round(1)).is_some());
    assert_eq!(story.kept(), story.board.events);
}

#[tokio::test]
async fn a_rolled_back_transcript_is_refused_and_the_head_stays() {
    let mut story = Story::new();
    story.board.announce(round(1));
    let mut chain = story.chain().unwrap();
    let seen = chain.follow(&story.board).await.unwrap().head();
    let whole = story.board.events.clone();

    story.board.roll_back(whole.len() - 1);
    let refused = chain.follow(&story.board).await.unwrap_err();
    assert!(matches!(refused, FollowError::Rollback { shown, seen: s } if shown + 1 == s), "{refused}");
    let mut restarted = story.chain().unwrap();
    let refused = restarted.follow(&story.board).await.unwrap_err();
    assert!(matches!(refused, FollowError::Rollback { .. }), "a restart forgets nothing: {refused}");
    assert_eq!(restarted.replay().unwrap().head(), seen);

    story.board.events = whole;
    assert_eq!(
        restarted.follow(&story.board).await.unwrap().head(),
        seen,
        "the coordinator found its events"
    );
}

#[tokio::test]
async fn a_fork_is_seen_even_where_nothing_is_new_and_both_stories_are_kept_as_evidence() {
    let mut story = Story::new();
    let common = story.board.events.len();
    story.board.announce(round(1));
    let mut chain = story.chain().unwrap();
    let seen = chain.follow(&story.board).await.unwrap().head();

    story.board.roll_back(common);
    story.board.announce(round(2));
    let refused = chain.follow(&story.board).await.unwrap_err();
    assert!(matches!(refused, FollowError::Fork { height, .. } if height == common as u64), "{refused}");
    // A longer fork is no better.
    story.board.announce(round(3));
    assert!(matches!(chain.follow(&story.board).await, Err(FollowError::Fork { .. })));
    assert_eq!(chain.replay().unwrap().head(), seen);

    let evidence: Vec<Signed<Event>> =
        serde_json::from_slice(&fs::read(story.home.state().join("fork.json")).unwrap()).unwrap();
    let coordinator = story.board.federation.coordinator.public();
    let told: Vec<Event> = evidence.iter().map(|event| event.verify(&coordinator).unwrap()).collect();
    assert!(told[0].height == told[1].height && told[0] != told[1], "two signed stories of one height");
}

#[tokio::test]
async fn an_event_that_the_coordinator_did_not_sign_is_refused() {
    let mut story = Story::new();
    let mut chain = story.chain().unwrap();
    let seen = chain.follow(&story.board).await.unwrap().head();
    let forger = Identity::generate().unwrap();
    story.board.events.push(forger.sign(&seen.next(Millis(99), EventBody::Closed)));
    let refused = chain.follow(&story.board).await.unwrap_err();
    assert!(matches!(&refused, FollowError::Rule(fault) if fault.check == Check::Chain), "{refused}");
    assert_eq!((chain.replay().unwrap().head(), story.kept().len() as u64), (seen, seen.length));
}

#[tokio::test]
async fn a_broken_rule_stops_the_chain_behind_the_last_good_event() {
    let mut story = Story::new();
    let good = story.board.events.len() as u64;
    // Keyed a second time, and something that would be fine after it.
    story.board.push(EventBody::Keyed);
    story.board.push(EventBody::Closed);
    let mut chain = story.chain().unwrap();
    let refused = chain.follow(&story.board).await.unwrap_err();
    assert!(matches!(refused, FollowError::Rule(_)), "{refused}");
    assert_eq!((chain.length(), story.kept().len() as u64), (good, good));
}

#[tokio::test]
async fn another_federation_or_pages_without_events_are_refused() {
    let story = Story::new();
    let other = Board::keyed(Federation::of_three_trustees());
    let refused = story.chain().unwrap().follow(&other).await.unwrap_err();
    assert!(matches!(refused, FollowError::OtherFederation { .. }), "{refused}");

    let mut silent = Story::new();
    silent.board.page = 1;
    let mut chain = silent.chain().unwrap();
    let refused = chain.follow(&silent.board).await.unwrap_err();
    assert!(matches!(refused, FollowError::Missing { .. }), "only ever the known event: {refused}");
}

#[tokio::test]
async fn a_torn_file_is_cut_and_fetched_again() {
    let story = Story::new();
    story.chain().unwrap().follow(&story.board).await.unwrap();
    let path = story.home.transcript();
    let whole = fs::read(&path).unwrap();
    for torn in [whole[..whole.len() - 1].to_vec(), whole[..whole.len() - 90].to_vec()] {
        fs::write(&path, &torn).unwrap();
        let mut chain = story.chain().unwrap();
        assert_eq!(chain.length() + 1, story.board.events.len() as u64);
        chain.follow(&story.board).await.unwrap();
        assert!(fs::read(&path).unwrap() == whole, "the same bytes as before");
    }
    // A power cut may leave room that was never written.
    fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(&[0; 300]).unwrap();
    story.chain().unwrap().follow(&story.board).await.unwrap();
    assert!(fs::read(&path).unwrap() == whole);
}

#[tokio::test]
async fn a_damaged_file_is_named_and_never_replaced_in_silence() {
    let story = Story::new();
    story.chain().unwrap().follow(&story.board).await.unwrap();
    let path = story.home.transcript();
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let refused = story.chain().unwrap_err();
    assert!(matches!(refused, FollowError::File(FileError::Damaged { .. })), "{refused}");
    assert!(refused.to_string().contains("transcript.bin"), "{refused}");
}

#[tokio::test]
async fn who_only_looks_writes_nothing() {
    let story = Story::new();
    let mut chain = Chain::peek(&story.home, &story.board.federation.membership(2)).unwrap();
    chain.follow(&story.board).await.unwrap();
    assert!(!story.home.transcript().exists());
}

#[test]
fn events_of_version_0_1_are_refused_with_the_version_that_reads_them_and_damage_is_not_taken_for_age() {
    let story = Story::new();
    let coordinator = &story.board.federation.coordinator;
    /// What 0.1 signed as an event, in a form that nobody reads any more.
    #[derive(borsh::BorshSerialize, borsh::BorshDeserialize)]
    struct Old(u8);
    impl base::identity::Statement for Old {
        const DOMAIN: &'static str = "event";
    }
    let old: Signed<Event> = borsh::from_slice(&base::ids::canonical(&coordinator.sign(&Old(200)))).unwrap();
    let founded = story.board.events[0].clone();
    for events in [vec![old.clone()], vec![founded.clone(), old]] {
        fs::write(story.home.transcript(), protocol::transcript::Archive::to_bytes(&events)).unwrap();
        let refused = story.chain().unwrap_err().to_string();
        assert!(refused.contains("version 0.1 reads them"), "{refused}");
    }
    let stranger = Identity::generate().unwrap().sign(&Old(200));
    let forged: Signed<Event> = borsh::from_slice(&base::ids::canonical(&stranger)).unwrap();
    let events = [founded, forged];
    fs::write(story.home.transcript(), protocol::transcript::Archive::to_bytes(&events)).unwrap();
    let refused = story.chain().unwrap_err().to_string();
    assert!(refused.contains("damaged"), "{refused}");
}
