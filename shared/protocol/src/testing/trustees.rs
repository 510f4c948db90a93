//! Trustees that talk in one thread: their ceremony, and their tally of what a chain asks.

use std::{collections::VecDeque, sync::Arc};

use crate::{
    federation::{SharedKeys, Trustees},
    transcript::{SessionRecord, Task},
};
use base::identity::Identity;
use tally::{
    ceremony::{self, Ceremony, Keyed, SecretBytes, Secrets, Setup},
    session::{Output, Party, Record, Refusal, Session, without_ciphertext},
    sharing::{Sharing, Trustee},
    sum::Sum,
};

/// Several trustees with a key that they made together.
pub struct Made {
    /// The trustees' identities, in their order.
    pub identities: Vec<Arc<Identity>>,
    /// What each came out with, in their order.
    pub keyed: Vec<Keyed>,
}

impl Made {
    /// Holds a ceremony of these trustees under its name; the same bytes each time, but for the identities.
    ///
    /// # Panics
    /// If it does not end with a key.
    #[must_use]
    pub fn new(trustees: &Trustees, sharing: Sharing, identities: Vec<Arc<Identity>>) -> Self {
        let mut board = VecDeque::new();
        let mut ceremonies: Vec<Ceremony> = Vec::new();
        let mut keyed: Vec<Option<Keyed>> = identities.iter().map(|_| None).collect();
        for (trustee, identity) in sharing.everyone().members().zip(&identities) {
            let setup = Setup {
                federation: trustees.federation,
                ceremony: trustees.ceremony(0),
                sharing,
                trustees: trustees.identities(),
                trustee,
            };
            let secret = |purpose: u8| Some(SecretBytes::new(vec![trustee.number() + purpose; 32]));
            let secrets = Secrets { box_key: secret(100), contributions: secret(200), roots: None };
            let (ceremony, outputs) = Ceremony::begin(setup, Arc::clone(identity), secrets, []).unwrap();
            ceremonies.push(ceremony);
            take(outputs, &mut keyed[trustee.index()], &mut board);
        }
        while let Some(message) = board.pop_front() {
            for (place, ceremony) in ceremonies.iter_mut().enumerate() {
                match ceremony.handle(&message) {
                    Ok(outputs) => take(outputs, &mut keyed[place], &mut board),
                    Err(ceremony::CeremonyRefusal::Early) => board.push_back(message.clone()),
                    Err(refusal) => panic!("{refusal}"),
                }
            }
        }
        Self { identities, keyed: keyed.into_iter().map(Option::unwrap).collect() }
    }

    /// Returns the certificate with all signatures, as it stands on the chain.
    #[must_use]
    pub fn keys(&self) -> SharedKeys {
        let Keyed { certificate, signatures, .. } = &self.keyed[0];
        SharedKeys { certificate: certificate.clone(), signatures: signatures.clone() }
    }

    /// Tallies a sum in an attempt; returns the record that the board keeps.
    ///
    /// # Panics
    /// If it does not end with labels.
    #[must_use]
    pub fn tally(&self, task: &Task, attempt: u32, sum: &Arc<Sum>) -> SessionRecord {
        let (facts, present) = (task.facts(attempt), task.sharing.group(attempt));
        let (mut record, mut board) = (Vec::new(), VecDeque::new());
        let mut sessions: Vec<Session> = Vec::new();
        for trustee in present.members() {
            let party = Party {
                keyring: Arc::clone(&self.keyed[trustee.index()].keyring),
                identity: Arc::clone(&self.identities[trustee.index()]),
                trustees: task.trustees.clone(),
            };
            let blank = Record::new(task.id(), task.step, []);
            let (session, outputs) =
                Session::begin(party, &facts, Arc::clone(&task.plan), Arc::clone(sum), blank).unwrap();
            sessions.push(session);
            board.extend(sent(outputs));
        }
        while let Some(message) = board.pop_front() {
            record.push(without_ciphertext(&message).unwrap());
            for session in &mut sessions {
                hear(session, &message, &mut board);
            }
        }
        assert!(sessions.iter().all(Session::is_finished));
        SessionRecord(record)
    }

    /// Returns a trustee's place, by its number from 1.
    #[must_use]
    pub fn trustee(&self, number: u8) -> Trustee {
        self.keyed[0].certificate.sharing().trustee(number).unwrap()
    }
}

/// Hands a message in, and again later while it is early: in one thread everybody hears everything in one order.
fn hear(session: &mut Session, message: &[u8], board: &mut VecDeque<Vec<u8>>) {
    match session.handle(message) {
        Ok(outputs) => board.extend(sent(outputs)),
        Err(Refusal::Over) => {}
        Err(refusal) => panic!("{refusal}"),
    }
}

fn sent(outputs: Vec<Output>) -> impl Iterator<Item = Vec<u8>> {
    outputs.into_iter().filter_map(|output| match output {
        Output::Send(message) => Some(message),
        Output::Ended(end) => panic!("{end}"),
        _ => None,
    })
}

fn take(outputs: Vec<ceremony::Output>, keyed: &mut Option<Keyed>, board: &mut VecDeque<Vec<u8>>) {
    for output in outputs {
        match output {
            ceremony::Output::Send(message) => board.push_back(message),
            ceremony::Output::Keyed(made) => *keyed = Some(*made),
            ceremony::Output::Dead(reason) => panic!("{reason}"),
            _ => {}
        }
    }
}
