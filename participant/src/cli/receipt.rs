//! `participant receipt verify`: whether the coordinator counted every ballot that it signed for.

use std::path::Path;

use base::ids::RoundId;

use super::{
    Failure,
    arguments::ReceiptCommand,
    block_on,
    failure::Exit,
    output::{Output, remark},
};
use crate::identity::load_token;
use crate::{
    agent::AgentError,
    approval::Membership,
    config::Config,
    home::Home,
    receipts::{Examined, Standing},
    teacher::journal::{Journal, Stage},
    transcript::Chain,
};
use client::{Client, Patience};

pub(super) fn run(root: &Path, command: ReceiptCommand, output: &Output) -> Result<(), Failure> {
    let ReceiptCommand::Verify { round } = command;
    let home = Home::open(root)?;
    let config = Config::load(&home)?;
    let membership = Membership::load(&home)?.ok_or(AgentError::NotEnrolled)?;
    let client = Client::new(config.endpoint(&home.config())?, load_token(&home)?, Patience::PERSON)?;
    let mut chain = Chain::peek(&home, &membership)?;
    let replay = block_on(chain.follow(&client))??;
    let mut examined = Vec::new();
    for record in Journal::of(&home).records()? {
        if let Stage::Cast { receipt, .. } = &record.stage
            && round.is_none_or(|wanted| wanted == record.round)
        {
            examined.push(Examined::of(receipt, &replay, membership.participant));
        }
    }
    if let Some(round) = round.filter(|_| examined.is_empty()) {
        return Err(no_receipt(round));
    }
    let words = match examined.as_slice() {
        [] => "no ballot was cast yet, so there is no receipt".to_owned(),
        examined => examined.iter().map(Examined::in_words).collect::<Vec<_>>().join("\n"),
    };
    output.show(&words, &examined)?;
    judge(&examined, round.is_some())
}

fn no_receipt(round: RoundId) -> Failure {
    Failure::job(format_args!(
        "there is no receipt for round {round}: `participant rounds` shows what became of it here"
    ))
}

/// Ends well only if every receipt holds; "not yet" has an exit code of its own.
///
/// A round that counted nothing breaks no promise, unless it is the one that was asked about.
fn judge(examined: &[Examined], asked_for_one: bool) -> Result<(), Failure> {
    let count = |is: fn(&Standing) -> bool| examined.iter().filter(|one| is(&one.standing)).count();
    let invalid = count(|standing| matches!(standing, Standing::Invalid { .. }));
    let all = examined.len();
    if invalid > 0 {
        return Err(Failure::job(format_args!(
            "{invalid} of {all} receipts do not hold: show them and the transcript to the other institutions"
        )));
    }
    let waiting = count(|standing| matches!(standing, Standing::NotYet { .. }));
    if waiting > 0 {
        let message = format!("{waiting} of {all} receipts cannot be verified yet; nothing is wrong");
        return Err(Failure { exit: Exit::TimedOut, message });
    }
    let empty = count(|standing| *standing == Standing::NothingCounted);
    if empty > 0 {
        let message = format!("{empty} of {all} rounds ended before any ballot was counted");
        if asked_for_one {
            return Err(Failure::job(message));
        }
        remark(&message);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use base::{clock::Millis, ids::Digest};

    use super::*;

    fn one(standing: Standing) -> Examined {
        let round = RoundId::from_bytes([1; 16]);
        Examined { round, ballot: Digest::of(b"ballot"), received_at: Millis(1), standing }
    }

    #[test]
    fn exit_codes_tell_not_yet_from_invalid() {
        let counted = || one(Standing::Counted { ballots: 5 });
        let waiting = || one(Standing::NotYet { waiting_for: "the window is open" });
        let invalid = || one(Standing::Invalid { reason: "dropped".to_owned() });
        let exit = |examined: &[Examined]| judge(examined, false).map_err(|failure| failure.exit);
        assert_eq!(exit(&[]), Ok(()));
        assert_eq!(exit(&[counted(), one(Standing::NothingCounted)]), Ok(()));
        assert_eq!(exit(&[counted(), waiting()]), Err(Exit::TimedOut));
        assert_eq!(exit(&[waiting(), invalid(), counted()]), Err(Exit::Job));
        assert!(judge(&[one(Standing::NothingCounted)], true).is_err(), "asked about this very round");
    }
}
