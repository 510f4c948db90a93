//! What a trustee's record of a step makes it refuse: another sum, older attempts, promises that come too late.

use base::Step;
use base::identity::Signed;

use super::attacks::small;
use super::board::{Task, World, facts, task};
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
