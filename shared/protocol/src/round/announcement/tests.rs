//! A round has the terms that follow from policy and roster, and no others.

use privacy::NoiseError;

use super::*;
use crate::{
    federation::Quorum,
    round::price_of_a_label,
    testing::{Federation, request},
};

#[test]
fn coordinator_and_participant_derive_the_same_announcement() {
    let federation = Federation::new(5);
    let announcement = federation.announce(1, 20);
    assert_eq!((announcement.quorum, announcement.colluding), (5, 1));
    assert!((announcement.share_size.to_f64() - 3.0).abs() < 1e-5, "σ = 6 over h = 4 honest ballots");
    announcement.check(&federation.founding, &federation.roster, announcement.keys).unwrap();
}

#[test]
fn a_two_step_round_fixes_noise_and_encoding_of_its_test_too() {
    let (plain, federation) = (Federation::new(5).announce(1, 20), Federation::of_two_steps(5));
    let announcement = federation.announce(1, 20);
    let (founding, roster) = (&federation.founding, &federation.roster);
    announcement.check(founding, roster, announcement.keys).unwrap();
    assert_eq!((plain.steps(), announcement.steps()), (&[Step::Label][..], &[Step::Test, Step::Label][..]));
    let (own, of_coordinator) = announcement.share_sizes(Step::Test);
    assert_eq!((own.to_f64(), of_coordinator.to_f64()), (4.5, 2.0), "σ₁ = 9 over h = 4 honest ballots");
    let labels = announcement.resolution(founding, roster, Step::Label).unwrap();
    assert_eq!(
        (labels.threshold(), labels.bound()),
        (None, plain.bound),
        "the labels' step has no threshold"
    );
    let test = announcement.test.unwrap();
    assert!(test.bound > plain.bound && test.scale < plain.scale, "more noise needs a wider range");

    let mut changed = announcement.clone();
    changed.test = Some(TestTerms { bound: test.bound + 1, ..test });
    let error = changed.check(founding, roster, announcement.keys).unwrap_err();
    assert!(error.to_string().starts_with("the announcement says test = "), "{error}");
    changed.test = None;
    assert!(changed.check(founding, roster, announcement.keys).is_err());
}

#[test]
fn a_two_step_round_reserves_both_steps_and_pays_for_the_labels_that_it_gives() {
    let federation = Federation::of_two_steps(5);
    let (founding, roster) = (&federation.founding, &federation.roster);
    let (announcement, plain) = (federation.announce(1, 20), Federation::new(5));
    let label = price_of_a_label(&plain.founding, &plain.roster).unwrap().rho.person.public.unwrap();
    let paid = |passed| {
        let cost = announcement.cost_of_release(founding, roster, passed).unwrap();
        cost.rho.person.public.unwrap()
    };
    for passed in [1, 7, 20] {
        let labels = label.checked_mul(u64::from(passed)).unwrap();
        assert_eq!(paid(passed), paid(0).checked_add(labels).unwrap());
    }
    assert_eq!(announcement.cost(founding, roster).unwrap().rho.person.public, Some(paid(20)));
    let both = price_of_a_label(founding, roster).unwrap().rho.person.public.unwrap();
    assert_eq!(both.checked_mul(20), Some(paid(20)));
}

#[test]
fn a_number_that_the_coordinator_changed_is_named() {
    let federation = Federation::new(5);
    let honest = federation.announce(1, 20);
    type Change = fn(&mut Announcement);
    let changes: [(&str, Change); 6] = [
        ("share_size", |a| a.share_size.0 /= 2),
        ("coordinator_share_size", |a| a.coordinator_share_size.0 += 1),
        ("bound", |a| a.bound += 1),
        ("scale", |a| a.scale *= 2),
        ("quorum", |a| a.quorum = 2),
        ("roster", |a| a.roster = Digest::of(b"another roster")),
    ];
    for (field, change) in changes {
        let mut changed = honest.clone();
        change(&mut changed);
        let error = changed.check(&federation.founding, &federation.roster, honest.keys).unwrap_err();
        assert!(error.to_string().starts_with(&format!("the announcement says {field} = ")), "{error}");
    }
    let swapped = honest.check(&federation.founding, &federation.roster, Digest::of(b"other keys"));
    assert!(swapped.unwrap_err().to_string().contains("says keys = "));
}

#[test]
fn shares_that_would_be_too_small_are_refused_with_the_remedy() {
    // 40 participants: c = 12, h = 28, s = 6 / √28 = 1.13 votes.
    let federation = Federation::new(40);
    let refused = Announcement::derive(&federation.founding, &federation.roster, &request(1, 20));
    let error = refused.unwrap_err();
    assert!(matches!(error, AnnouncementError::Noise(NoiseError::ShareTooSmall { .. })), "{error}");
    assert!(error.to_string().contains("7.93"), "the smallest σ is 1.5·√28: {error}");
}

#[test]
fn a_quorum_that_colluders_could_fill_is_refused() {
    let mut federation = Federation::new(5);
    federation.founding.config.quorum = Quorum::AtLeast(1);
    federation.roster.federation = federation.founding.digest();
    let refused = Announcement::derive(&federation.founding, &federation.roster, &request(1, 20));
    assert!(matches!(refused, Err(AnnouncementError::Noise(NoiseError::QuorumNotHonest { .. }))));
}

#[test]
fn a_foreign_roster_and_an_empty_window_are_refused() {
    let (federation, other) = (Federation::new(5), Federation::new(5));
    let foreign = Announcement::derive(&federation.founding, &other.roster, &request(1, 20));
    assert!(matches!(foreign, Err(AnnouncementError::Federation { .. })));
    let closed = RoundRequest { closes_at: Millis(1_000), ..request(1, 20) };
    let empty = Announcement::derive(&federation.founding, &federation.roster, &closed);
    assert!(matches!(empty, Err(AnnouncementError::Window { .. })));
}
