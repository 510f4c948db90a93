//! The end of a batch: what will be opened is stated and signed by all, then opened, the labels last.

use std::collections::BTreeMap;

use super::batch::{Batch, Heard, Stage, Step};
use super::context::Context;
use super::message::{Body, Opened, Said, Stated};
use super::openings::{self, Dispute, Openings, Sealed};
use super::outcome::End;
use crate::check::Ends;
use crate::draw::{Label, Purpose};
use crate::hidden::Words;
use crate::shares::wires::Wires;
use crate::sharing::Trustee;

impl Batch {
    /// States, under salts that only the holders of a piece know, what will be opened.
    pub(super) fn agree(&mut self, context: &Context, wires: &Wires, ends: &Ends) -> Result<Step, End> {
        let place = self.place(context);
        let circuit = context.plan.circuit();
        let labels: Vec<Words> = (0..ends.len()).map(|held| wires.outputs(circuit, held)).collect();
        #[cfg(test)]
        let (ends, labels) = {
            let (mut ends, mut labels) = (ends.clone(), labels);
            context.lie(&mut crate::tests::lies::Moment::Ends(&mut ends));
            context.lie(&mut crate::tests::lies::Moment::Outputs(&mut labels));
            (ends, labels)
        };
        // Of their final size: vectors that grow leave salts behind.
        let held = context.holder.held().len();
        let (mut sealed_check, mut sealed_labels) = (Vec::with_capacity(held), Vec::with_capacity(held));
        let mut stated = Vec::with_capacity(held);
        for ((piece, ends), words) in context.holder.held().iter().zip(ends.iter()).zip(&labels) {
            let root = context.holder.keyring.root(*piece).ok_or(End::Keyring)?;
            let label = |purpose| Label::tally(&place, purpose, None, *piece);
            let check = Sealed::check(*piece, root.draw(&label(Purpose::CheckSalt)), ends);
            let labels = Sealed::labels(*piece, root.draw(&label(Purpose::LabelSalt)), words);
            #[cfg(test)]
            {
                crate::draw::log::note(root, &label(Purpose::CheckSalt), &check.bytes);
                crate::draw::log::note(root, &label(Purpose::LabelSalt), &labels.bytes);
            }
            let (of_check, of_labels) = (check.digest(openings::CHECK), labels.digest(openings::LABEL));
            stated.push(Stated { piece: *piece, check: of_check, labels: of_labels });
            sealed_check.push(check);
            sealed_labels.push(labels);
        }
        let step = self.say(context, self.exchange, Body::Agreement(stated), Vec::new());
        self.stage = Stage::Agreement { check: sealed_check, labels: sealed_labels };
        Ok(step)
    }

    /// All present trustees have seen the same and state the same: opens the check's elements.
    pub(super) fn open(
        &mut self,
        context: &Context,
        heard: &BTreeMap<Trustee, Heard>,
        check: &[Sealed],
        labels: Vec<Sealed>,
    ) -> Result<Step, End> {
        let statements: Vec<(Trustee, Vec<Stated>)> = heard
            .iter()
            .filter_map(|(trustee, heard)| match &heard.said.body {
                Body::Agreement(stated) => Some((*trustee, stated.clone())),
                _ => None,
            })
            .collect();
        let parties = (context.plan.sharing(), context.terms.present());
        let words = openings::label_words(&context.plan, self.number);
        let openings = Openings::new(parties, words, &statements)
            .map_err(|Dispute(holders)| End::Dispute { batch: self.number, holders })?;
        let opened: Vec<Opened> = check.iter().map(Sealed::open).collect();
        self.stage = Stage::Opening { openings, labels, checked: false, done: false };
        Ok(self.say(context, self.exchange, Body::Check(opened), Vec::new()))
    }

    /// Takes an opening. From here on nobody can stop the labels: what is opened is held against what was stated, by whoever
    /// opens it first, and what nobody stated names its sender and changes nothing.
    pub(super) fn opening(&mut self, context: &Context, said: &Said) -> Result<Step, End> {
        let Stage::Opening { openings, labels, checked, done } = &mut self.stage else {
            return Ok(Step::Wait);
        };
        let of_check = said.exchange == self.exchange;
        let right = match &said.body {
            Body::Check(opened) if of_check => openings.take_check(said.sender, opened),
            Body::Labels(opened) if !of_check => openings.take_labels(said.sender, opened),
            _ => false,
        };
        if !right {
            self.liars.push(said.sender);
        }
        if !*checked {
            match openings.holds() {
                None => return Ok(Step::Wait),
                Some(false) => {
                    self.stage = Stage::Over;
                    return Err(End::Check(self.number));
                }
                Some(true) => *checked = true,
            }
            let opened = std::mem::take(labels).iter().map(Sealed::open).collect();
            return Ok(self.say(context, self.exchange + 1, Body::Labels(opened), Vec::new()));
        }
        if !*done && let Some(verdicts) = openings.verdicts(&context.plan, self.number) {
            *done = true;
            return Ok(Step::Labels(verdicts));
        }
        Ok(Step::Wait)
    }
}
