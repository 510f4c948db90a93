use base::{clock::Millis, identity::Identity};
use protocol::{
    federation::{Enrolment, FederationConfig, Founding, Roster},
    round::{Announcement, RoundRequest},
};

use super::*;

/// Three classes, toy keys, and rounds of two steps.
const CONFIG: &str = r#"
name = "three letters"
classes = ["a", "b", "c"]
insecure_toy_parameters = true
instances = { kind = "table", shape = [4] }
noise = { sigma = 6, coordinator_sigma = 4, honest_fraction = "0.7" }
privacy = { delta = 1e-5 }
threshold = { votes = 5, test = { sigma = 9, coordinator_sigma = 2 } }
"#;

const MEMBERS: u32 = 4;

fn id(number: u32) -> ParticipantId {
    ParticipantId::new(number).unwrap()
}

/// Returns an announced round of two steps with its roster.
fn announced() -> (Announcement, Roster) {
    let config = FederationConfig::from_toml(CONFIG).unwrap();
    let coordinator = Identity::generate().unwrap().public();
    let founding = Founding { config, coordinator, founded_at: Millis(0) };
    let members = (1..=MEMBERS).map(|number| {
        let identity = Identity::generate().unwrap();
        let (public, sealing) = (identity.public(), identity.sealing_key());
        let enrolment = Enrolment { invite: Digest::of(b"invite"), identity: public, sealing, teachers: 2 };
        enrolment.into_member(id(number), format!("hospital-{number}"), number == 1).unwrap()
    });
    let roster = Roster { federation: founding.digest(), members: members.collect() };
    let request = RoundRequest {
        round: RoundId::from_bytes([1; 16]),
        instances: Digest::of(b"instances"),
        instance_count: 2,
        keys: Digest::of(b"keys"),
        opens_at: Millis(1_000),
        closes_at: Millis(2_000),
    };
    (Announcement::derive(&founding, &roster, &request).unwrap(), roster)
}

fn counted(numbers: &[u32]) -> Vec<CountedBallot> {
    let ballot = |number: &u32| CountedBallot {
        participant: id(*number),
        digest: Digest::of(&number.to_le_bytes()),
        received_at: Millis(1_500),
    };
    numbers.iter().map(ballot).collect()
}

#[test]
fn a_ballot_that_does_not_fit_a_step_is_in_no_sum_and_is_not_added_twice() {
    let (announcement, roster) = announced();
    let (layout, door) =
        (announcement.layout().unwrap(), Door { announcement: &announcement, roster: &roster });
    let other = Layout::new(3, 5).unwrap();
    let bytes = vec![0; announcement.steps().len() * layout.body_bytes()];
    let bodies = Bodies::parse(&bytes, &announcement).unwrap();
    let ballots = counted(&[1, 2, 3]);
    let add = |sums: &Sums, ballot: &CountedBallot| {
        sums.add(door, layout, (ballot.participant, ballot.digest), &bodies);
    };

    let sums = Sums::default();
    ballots.iter().take(2).for_each(|ballot| add(&sums, ballot));
    add(&sums, &ballots[1]);
    let begun = sums.take(door, layout, Step::Test, &ballots);
    assert_eq!((begun.sum.ballots(), begun.missing), (2, counted(&[3])), "what fits is added once");

    // The second step refuses every ballot: the first must not keep one that the tally takes from the disk again.
    let sums = Sums::default();
    add(&sums, &ballots[0]);
    let round = sums.of(door, layout);
    round.lock().unwrap().steps[1].1 = Some(RunningSum::new(other));
    add(&sums, &ballots[1]);
    add(&sums, &ballots[1]);
    for step in Step::ALL {
        let begun = sums.take(door, layout, step, &ballots);
        assert_eq!((begun.sum.ballots(), begun.missing), (0, ballots.clone()), "{step}");
    }
}
