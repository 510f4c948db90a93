//! What a trustee's record of a step makes it refuse: another sum, older attempts, promises that come too late.

use base::Step;
use base::identity::Signed;

use super::attacks::small;
use super::board::{Task, World, facts, run, task};
use crate::session::{BeginError, Output, Record, RecordError, Session, Testimony};
use crate::sharing::{Sharing, Trustee};

#[test]
fn a_trustee_signs_one_sum_per_step_and_only_later_attempts() {
    let world = World::new(Sharing::ThreeOne, 4);
    let one = small(&world);
    let other = Task { plan: one.plan.clone(), ..task(&world, 3, &[4, 5, 4, 2, 2, 1], None, Step::Label) };
    let me = Sharing::ThreeOne.trustee(1).unwrap();
    let begin = |task: &Task, attempt, record: &Record| {
        let session = Session::begin(
            world.party(me),
            &facts(attempt),
            task.plan.clone(),
            task.sum.clone(),
            record.clone(),
        );
        session.map(|(session, _)| session.into_record())
    };
    let fresh = Record::new(one.facts.round, Step::Label, []);
    let mut record = begin(&one, 4, &fresh).unwrap();
    let refused = begin(&other, 5, &record).unwrap_err();
    assert_eq!(
        refused,
        BeginError::Record(RecordError::OtherSum { signed: one.sum.digest(), asked: other.sum.digest() })
    );
    assert!(matches!(
        begin(&one, 3, &record),
        Err(BeginError::Record(RecordError::Attempt { asked: 3, last: 4 }))
    ));
    assert!(begin(&one, 4, &record).is_ok(), "a restart goes on");
    assert!(begin(&one, 5, &record).is_ok(), "a retry with the same sum is clean");
    assert!(matches!(record.renounce(), Err(RecordError::Begun { attempt: 4 })));
    let mut renounced = fresh;
    renounced.renounce().unwrap();
    assert!(matches!(begin(&one, 0, &renounced), Err(BeginError::Record(RecordError::Renounced))));
}

/// An old trustee and its successor, or a home and its backup, in two groups: the second sum is refused.
#[test]
fn a_restored_home_signs_what_the_others_saw_and_nothing_else() {
    let sharing = Sharing::FourOne;
    let world = World::new(sharing, 4);
    let one = small(&world);
    let other = Task { plan: one.plan.clone(), ..task(&world, 3, &[4, 5, 4, 2, 2, 1], None, Step::Label) };
    let me = sharing.trustee(1).unwrap();
    let others: Vec<Trustee> = sharing.everyone().members().filter(|trustee| *trustee != me).collect();
    let begin = |task: &Task, attempt, record: &Record| {
        let session = Session::begin(
            world.party(me),
            &facts(attempt),
            task.plan.clone(),
            task.sum.clone(),
            record.clone(),
        );
        session.map(|_| ())
    };
    let mut record = Record::new(one.facts.round, Step::Label, []);
    record.restore([5; 32]);
    assert_eq!(begin(&one, 0, &record), Err(BeginError::Record(RecordError::Restored)));
    assert_eq!(record.renounce(), Err(RecordError::Restored));
    let testimony =
        |nonce, first| Testimony { round: one.facts.round, step: Step::Label, nonce, about: me, first };
    let first = |task: &Task, attempt| {
        let record = Record::new(task.facts.round, Step::Label, []);
        let begun =
            Session::begin(world.party(me), &facts(attempt), task.plan.clone(), task.sum.clone(), record);
        let (_, outputs) = begun.map_err(|error| error.to_string()).unwrap();
        outputs.into_iter().find_map(|output| match output {
            Output::Send(bytes) => Some(bytes),
            _ => None,
        })
    };
    let sign = |by: Trustee, testimony: &Testimony| -> (Trustee, Signed<Testimony>) {
        (by, world.identities[by.index()].sign(testimony))
    };
    let saw = testimony([5; 32], first(&one, 2));
    let nothing = testimony([5; 32], None);
    let mut all = vec![sign(others[0], &nothing), sign(others[1], &saw), sign(others[2], &nothing)];
    let admit = |record: &mut Record, all: &[(Trustee, Signed<Testimony>)]| {
        record.admit((sharing, me, &world.trustees[me.index()]), &world.trustees, all)
    };
    assert_eq!(admit(&mut record, &all[..2]), Err(RecordError::Testimony(others[2])));
    let stale = vec![all[0].clone(), all[1].clone(), sign(others[2], &testimony([6; 32], None))];
    assert_eq!(admit(&mut record, &stale), Err(RecordError::Testimony(others[2])));
    let forged = vec![all[0].clone(), all[1].clone(), (others[2], all[0].1.clone())];
    assert_eq!(admit(&mut record, &forged), Err(RecordError::Testimony(others[2])));
    let two = vec![all[0].clone(), all[1].clone(), sign(others[2], &testimony([5; 32], first(&other, 1)))];
    assert!(matches!(admit(&mut record, &two), Err(RecordError::Testimonies { .. })));
    admit(&mut record, &all).unwrap();
    assert!(matches!(begin(&other, 4, &record), Err(BeginError::Record(RecordError::OtherSum { .. }))));
    assert!(matches!(begin(&one, 2, &record), Err(BeginError::Record(RecordError::Attempt { .. }))));
    assert_eq!(begin(&one, 4, &record), Ok(()));
    // nobody saw anything: it may sign any sum, as if it had never begun
    all[1] = sign(others[1], &nothing);
    let mut clean = Record::new(one.facts.round, Step::Label, []);
    clean.restore([5; 32]);
    admit(&mut clean, &all).unwrap();
    assert_eq!(begin(&other, 0, &clean), Ok(()));
    assert_eq!(clean.renounce(), Err(RecordError::Restored));
}

/// Begins an attempt and returns the record it leaves.
fn begun(world: &World, trustee: Trustee, task: &Task, record: Record) -> Result<Record, BeginError> {
    let sum = task.sum.clone();
    let begun = Session::begin(world.party(trustee), &task.facts, task.plan.clone(), sum, record);
    begun.map(|(session, _)| session.into_record())
}

/// The label step of a two-step round answers for the sum that was tested, and for no other. (At first the record of the label
/// step knew nothing of the test: labels of the same ballots but one told that one's votes.)
#[test]
fn the_second_step_is_on_the_sum_that_was_tested() {
    for sharing in Sharing::ALL {
        let world = World::new(sharing, 4);
        let counts = [9, 4, 2, 8];
        let tested = task(&world, 2, &counts, Some(8), Step::Test);
        let other = task(&world, 2, &[8, 4, 2, 8], None, Step::Label);
        let same = Task { sum: tested.sum.clone(), ..task(&world, 2, &counts, None, Step::Label) };
        for me in sharing.group(0).members() {
            let test = begun(&world, me, &tested, Record::new(tested.facts.round, Step::Test, [])).unwrap();
            let fresh = || Record::new(tested.facts.round, Step::Label, []);
            assert!(begun(&world, me, &other, fresh()).is_ok(), "the control: a record that follows nothing");
            let mut label = fresh();
            label.follow(&test).unwrap();
            assert!(begun(&world, me, &same, label.clone()).is_ok());
            let (signed, asked) = (tested.sum.digest(), other.sum.digest());
            let refused = RecordError::OtherSum { signed, asked };
            assert_eq!(begun(&world, me, &other, label), Err(BeginError::Record(refused)));
            // what was begun on another sum can no longer follow
            let mut late = begun(&world, me, &other, fresh()).unwrap();
            let refused = RecordError::OtherSum { signed: asked, asked: signed };
            assert_eq!(late.follow(&test), Err(refused));
        }
    }
}

/// At (4, 1) the groups of test and label may differ: whoever was away at the test is bound by those who were not.
#[test]
fn who_was_away_at_the_test_makes_no_labels_of_another_sum() {
    let sharing = Sharing::FourOne;
    let world = World::new(sharing, 4);
    let tested = task(&world, 2, &[9, 4, 2, 8], Some(8), Step::Test);
    assert_eq!(run(&world, &tested, &[]).labels.len(), 3);
    let mut other = task(&world, 2, &[8, 4, 2, 8], None, Step::Label);
    other.facts.attempt = 1;
    let (mut bound, mut free) = (0, 0);
    for me in sharing.group(1).members() {
        let mut label = Record::new(tested.facts.round, Step::Label, []);
        let test = Record::new(tested.facts.round, Step::Test, []);
        let test =
            if sharing.group(0).contains(me) { begun(&world, me, &tested, test).unwrap() } else { test };
        label.follow(&test).unwrap();
        match begun(&world, me, &other, label) {
            Ok(_) => free += 1,
            Err(refused) => {
                assert!(matches!(refused, BeginError::Record(RecordError::OtherSum { .. })), "{refused}");
                bound += 1;
            }
        }
    }
    assert_eq!((bound, free), (2, 1), "two of three refuse, so an honest one does");
}

#[test]
fn a_label_step_follows_its_own_test_alone() {
    let round = facts(0).round;
    let other = base::ids::RoundId::from_bytes([9; 16]);
    let mut label = Record::new(round, Step::Label, []);
    for wrong in [Record::new(other, Step::Test, []), Record::new(round, Step::Label, [])] {
        assert_eq!(label.follow(&wrong), Err(RecordError::OtherTest));
    }
    let mut test = Record::new(round, Step::Test, []);
    assert_eq!(test.follow(&Record::new(round, Step::Test, [])), Err(RecordError::OtherTest));
    assert_eq!(label.follow(&test), Ok(()));
}
