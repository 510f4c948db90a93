//! `participant kit open`: from the operator's archive to an enrolled home.

use std::{io::Read as _, path::Path};

use protocol::kit::{Kit, KitError};
use zeroize::Zeroizing;

use super::{
    Failure,
    arguments::{KitCommand, KitOpenArguments},
    block_on,
    enroll::show,
    init::{Institution, make},
    output::{self, Output},
};
use crate::{
    config::Config,
    home::Home,
    joining::{JoinError, enrol},
};
use client::{Client, Patience};
use runtime::files::{Access, FileError, remove_if_there, write_atomic};

/// Most bytes of an archive that is looked at.
const LARGEST: u64 = 1 << 20;

pub(super) fn run(root: &Path, command: KitCommand, output: &Output) -> Result<(), Failure> {
    let KitCommand::Open(arguments) = command;
    let kit = read(&arguments.file)?;
    let home = Home::at(root);
    let facts = make(&home, institution(&kit, &arguments))?;
    let config = Config::load(&home)?;
    let membership = block_on(async {
        let client = Client::new(config.endpoint(&home.config())?, None, Patience::PERSON)?;
        enrol(&home, &client, &kit.invite, config.teachers.count).await
    })?;
    match membership {
        Ok(membership) => show(&membership, output),
        Err(error) => {
            output::remark(&format!(
                "made {} for {}, but it is not enrolled yet",
                root.display(),
                facts.name
            ));
            keep_invite(&home, &kit.invite, &error)?;
            Err(error.into())
        }
    }
}

/// Reads an archive, never more of it than a kit can have.
fn read(path: &Path) -> Result<Kit, Failure> {
    let wrong = |e: &dyn std::fmt::Display| Failure::arguments(format_args!("{}: {e}", path.display()));
    let file = std::fs::File::open(path).map_err(|e| wrong(&e))?;
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|e| wrong(&e))?;
    if bytes.len() as u64 > LARGEST {
        return Err(wrong(&KitError::Refused(format!("it has more than {LARGEST} bytes"))));
    }
    Kit::from_bytes(&bytes).map_err(|e| wrong(&e))
}

/// Takes address, pin and name from the kit, and everything that decides what runs here from this institution.
fn institution(kit: &Kit, arguments: &KitOpenArguments) -> Institution {
    let settings = &kit.settings;
    Institution {
        name: settings.name.clone(),
        coordinator: settings.coordinator.clone(),
        coordinator_fingerprint: settings.coordinator_fingerprint,
        data: arguments.data.clone(),
        teachers: arguments.teachers.unwrap_or(settings.teachers.count),
        seed: None,
        model: None,
        ask: arguments.ask,
        poll_seconds: arguments.poll_seconds,
        // The kit may say it, but this institution has to say it too.
        insecure_http: settings.insecure_http && arguments.insecure_http,
    }
}

/// Keeps an invite that may still be good where only the owner can read it, and says what comes next.
fn keep_invite(home: &Home, invite: &str, error: &JoinError) -> Result<(), FileError> {
    let path = home.secret().join("invite");
    let may_be_good = matches!(error, JoinError::Client(error) if error.code().is_none());
    if !may_be_good {
        return remove_if_there(&path);
    }
    write_atomic(&path, invite.as_bytes(), Access::Secret)?;
    output::remark(&format!(
        "when the coordinator can be reached: participant enroll --home {} --invite-file {}",
        home.root().display(),
        path.display()
    ));
    Ok(())
}
