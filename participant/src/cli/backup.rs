//! `participant trustee backup` and `restore`: the roots of a trustee's pieces, and nothing of what it signed.

use std::{
    io::{BufRead, stdin},
    path::Path,
};

use protocol::{federation::SharedKeys, transcript::Replay};
use runtime::files::{Access, FileError, write_atomic};
use serde_json::json;
use zeroize::Zeroizing;

use super::{
    Failure, block_on,
    output::{Output, remark},
};
use crate::identity::load_token;
use crate::{
    agent::AgentError,
    approval::Membership,
    config::Config,
    home::Home,
    identity,
    transcript::Chain,
    trustee::{
        agreement::Seat,
        backup::Passphrase,
        restored::{back_up, restore as put_back, subject_of},
    },
};
use client::{Client, Patience};

/// Seals this home's roots into a file, and shows the passphrase.
pub(super) fn write(home: &Home, file: &Path, output: &Output) -> Result<(), Failure> {
    let membership = Membership::load(home)?.ok_or(AgentError::NotEnrolled)?;
    let replay = Chain::peek(home, &membership)?.replay();
    let replay =
        replay.ok_or_else(|| Failure::job("the agent has not seen the transcript: participant run"))?;
    let (seat, keys) = shared(home, &membership, &replay)?;
    if file.exists() {
        return Err(Failure::arguments(format_args!("{} exists: name another file", file.display())));
    }
    let (bytes, passphrase) = back_up(home, membership.federation(), keys, seat.place)?;
    write_atomic(file, &bytes, Access::Secret)?;
    let words = format!(
        "wrote {}\n\npassphrase   {}\n\nIt is shown once and kept nowhere: write it down, and keep it apart from the file. \
         When the federation is closed, destroy both: whoever finds them holds this trustee's pieces.",
        file.display(),
        passphrase.expose()
    );
    output.show(&words, &json!({ "file": file, "passphrase": passphrase.expose() }))
}

/// Puts the roots of a file back into this home.
pub(super) fn restore(
    home: &Home,
    file: &Path,
    passphrase_file: Option<&Path>,
    output: &Output,
) -> Result<(), Failure> {
    let _lock = home.lock()?;
    let config = Config::load(home)?;
    let membership = Membership::load(home)?.ok_or(AgentError::NotEnrolled)?;
    let client = Client::new(config.endpoint(&home.config())?, load_token(home)?, Patience::PERSON)?;
    let mut chain = Chain::peek(home, &membership)?;
    let replay = block_on(chain.follow(&client))??;
    let (seat, keys) = shared(home, &membership, &replay)?;
    let bytes = std::fs::read(file).map_err(FileError::io("read", file))?;
    let passphrase = passphrase(passphrase_file)?;
    let (subject, events) = (subject_of(membership.federation(), keys, seat.place), replay.head().length);
    put_back(home, (&subject, keys, seat.place), (&bytes, &passphrase), events)?;
    let words = format!(
        "restored the roots of ceremony {}; for rounds that were announced before event {events} this home signs nothing: \
         it does not know what it signed",
        subject.ceremony
    );
    output.show(&words, &json!({ "ceremony": subject.ceremony, "events": events }))
}

/// Returns the seat of a trustee among several, and the key that they made.
fn shared<'a>(
    home: &Home,
    membership: &Membership,
    replay: &'a Replay,
) -> Result<(Seat, &'a SharedKeys), Failure> {
    let identity = identity::load(home)?;
    let seat = Seat::find(replay, membership.participant, identity.public())?;
    let keys = replay.ceremony().keys().and_then(|keys| keys.shared());
    Ok((seat, keys.ok_or_else(|| Failure::job("the trustees have not made a key yet"))?))
}

fn passphrase(file: Option<&Path>) -> Result<Passphrase, Failure> {
    let text = match file {
        Some(path) => Zeroizing::new(std::fs::read_to_string(path).map_err(FileError::io("read", path))?),
        None => {
            remark("passphrase of eight words:");
            let mut line = Zeroizing::new(String::new());
            stdin()
                .lock()
                .read_line(&mut line)
                .map_err(|e| Failure::job(format_args!("cannot ask for the passphrase: {e}")))?;
            line
        }
    };
    Passphrase::read(&text).map_err(Failure::arguments)
}
