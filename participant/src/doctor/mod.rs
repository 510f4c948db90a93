//! The doctor: every check of an institution's machine, home, data and teachers, and of the way to the coordinator.

mod coordinator;
mod files;
mod vote;

use std::path::Path;

use base::clock::Clock;
use runtime::doctor::{Diagnosis, Finding};

use crate::{
    approval::{Membership, Pin},
    config::Config,
    home::Home,
    identity,
    teacher::train::Lesson,
    transcript::Chain,
    trustee::{ceremony::store::holds_anything, check_pieces, vault::Vault},
};

/// Makes every check, in an order in which each says why the next cannot be made.
pub async fn examine(root: &Path, clock: &dyn Clock, diagnosis: &mut Diagnosis) {
    let home = match Home::open(root) {
        Ok(home) => home,
        Err(error) => {
            let remedy = "name the home with --home, or make one: participant kit open, or participant init";
            return diagnosis.extend([Finding::fail("home", error.to_string(), remedy)]);
        }
    };
    diagnosis.extend([files::permissions(&home), files::disk(&home)]);
    let config = match Config::load(&home) {
        Ok(config) => config,
        Err(error) => {
            let remedy = "`participant config check` shows every error";
            return diagnosis.extend([Finding::fail("config", error.to_string(), remedy)]);
        }
    };
    diagnosis.extend([insecure(&config)]);
    let seen = coordinator::examine(&home, &config, clock, diagnosis).await;
    let membership = match Membership::load(&home) {
        Ok(Some(membership)) => membership,
        Ok(None) => {
            let remedy = "participant enroll --invite-file FILE";
            return diagnosis.extend([Finding::fail("enrolment", "not enrolled", remedy)]);
        }
        Err(error) => {
            return diagnosis.extend([Finding::fail("enrolment", error.to_string(), files::RESTORE)]);
        }
    };
    let founding = &membership.founding.config;
    diagnosis.extend([
        Finding::ok("enrolment", format!("participant {} of {}", membership.participant, founding.name)),
        approval(&home, &membership, seen.as_ref()),
        trustee(&home, &membership),
        Finding::arithmetic(founding.transform()),
    ]);
    let lesson = match data(&home, &config, &membership).await {
        Ok((finding, lesson)) => {
            diagnosis.extend([finding]);
            lesson
        }
        Err(finding) => return diagnosis.extend([finding]),
    };
    diagnosis.extend([teachers(&home, &lesson)]);
    diagnosis.extend([vote::rehearse(&home, &membership, seen, lesson, clock).await]);
}

fn insecure(config: &Config) -> Finding {
    let names = config.insecure_settings();
    if names.is_empty() {
        return Finding::ok("config", "every value is acceptable");
    }
    Finding::warn("config", names.join(", "), "take these settings out of participant.toml")
}

/// Compares the approved roster with the one of now.
fn approval(home: &Home, membership: &Membership, seen: Option<&coordinator::Seen>) -> Finding {
    const CHECK: &str = "approval";
    const REMEDY: &str = "participant approve";
    match Pin::load(home, membership.federation()) {
        Err(error) => Finding::fail(CHECK, error.to_string(), files::RESTORE),
        Ok(None) => Finding::fail(CHECK, "nothing is approved", REMEDY),
        Ok(Some(pin)) => match seen.map(|seen| seen.roster) {
            Some(now) if now != pin.roster => {
                Finding::fail(CHECK, format!("roster {} is approved, it is now {now}", pin.roster), REMEDY)
            }
            _ => Finding::ok(CHECK, format!("roster {}", pin.roster)),
        },
    }
}

/// Checks that a trustee still has what it needs to open.
fn trustee(home: &Home, membership: &Membership) -> Finding {
    const CHECK: &str = "trustee";
    if !membership.trustee {
        return Finding::ok(CHECK, "this institution is none");
    }
    match (Vault::load(home), pieces(home, membership)) {
        (Err(error), _) => Finding::fail(CHECK, error.to_string(), files::RESTORE),
        (_, Err(error)) => Finding::fail(CHECK, error, files::RESTORE),
        (Ok(Some(_)), _) => Finding::ok(CHECK, "holds the decryption key, whole"),
        (Ok(None), Ok(true)) => Finding::ok(CHECK, "holds the roots of its pieces of the decryption key"),
        (Ok(None), Ok(false)) => Finding::warn(
            CHECK,
            "holds nothing of the decryption key yet",
            "start the agent: participant run; with several trustees first participant trustee approve",
        ),
    }
}

/// Returns whether this trustee holds pieces; they must belong to the key on the transcript as far as it was followed.
fn pieces(home: &Home, membership: &Membership) -> Result<bool, String> {
    let chain = Chain::peek(home, membership).map_err(|e| e.to_string())?;
    if let Some(replay) = chain.replay() {
        let identity = identity::load(home).map_err(|e| e.to_string())?.public();
        check_pieces(home, membership, identity, &replay).map_err(|e| e.to_string())?;
    }
    Ok(holds_anything(home))
}

/// Reads the data by the federation's schema.
async fn data(home: &Home, config: &Config, membership: &Membership) -> Result<(Finding, Lesson), Finding> {
    const CHECK: &str = "data";
    const REMEDY: &str = "`participant data describe` shows what is there; docs/DATA.md says what is read";
    let path = config.data_path(home);
    let (home, config, membership) = (home.clone(), config.clone(), membership.clone());
    let read = tokio::task::spawn_blocking(move || Lesson::prepare(&home, &config, Some(&membership))).await;
    let lesson = read.map_err(|e| Finding::fail(CHECK, e.to_string(), REMEDY))?;
    let lesson = lesson.map_err(|e| Finding::fail(CHECK, e.to_string(), REMEDY))?;
    let found = format!(
        "{}: {} records of the federation's shape and classes, for {} teachers",
        path.display(),
        lesson.records(),
        lesson.teachers()
    );
    let finding = match lesson.privacy_unit() {
        "person" => Finding::ok(CHECK, found),
        _ => {
            let remedy = "name each record's person, or ε counts records and not people (docs/DATA.md)";
            Finding::warn(CHECK, format!("{found}; they name no persons"), remedy)
        }
    };
    Ok((finding, lesson))
}

/// Checks that the teachers are those that this data gives.
fn teachers(home: &Home, lesson: &Lesson) -> Finding {
    const CHECK: &str = "teachers";
    match lesson.is_done(home) {
        Ok(true) => Finding::ok(CHECK, format!("{} trained on this data", lesson.teachers())),
        Ok(false) => {
            Finding::fail(CHECK, "not trained on this data with these settings", "participant train")
        }
        Err(error) => Finding::fail(CHECK, error.to_string(), "participant train --force"),
    }
}

#[cfg(test)]
mod tests;
