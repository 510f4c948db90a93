//! One batch of an attempt: layers, check, agreement, opening.

use std::collections::BTreeMap;

use base::ids::Digest;

use super::context::Context;
use super::message::{Body, Message, Said, seen_after};
use super::openings::{Openings, Sealed};
use super::outcome::{End, Refusal};
use crate::check::{Check, Next};
use crate::draw::Place;
use crate::hidden::Words;
use crate::phase;
use crate::plan::Verdict;
use crate::shares::reshare::{Pending, sealed_bytes};
use crate::shares::wires::{Inputs, Wires};
use crate::sharing::Trustee;

/// A message that is to be entered in the record and sent.
pub(crate) struct Saying {
    pub(crate) exchange: u32,
    pub(crate) message: Message,
}

/// What a batch does next.
pub(crate) enum Step {
    /// It waits for messages.
    Wait,
    /// It says something and waits.
    Say(Box<Saying>),
    /// It says nothing more: these are its labels.
    Labels(Vec<(u32, Verdict)>),
}

/// A message that was heard.
pub(super) struct Heard {
    signed: Vec<u8>,
    pub(super) said: Said,
    sealed: Vec<u8>,
}

/// What a batch is doing.
pub(super) enum Stage {
    /// The products of a layer are being shared.
    Layer { wires: Wires, layer: usize, pending: Pending },
    /// The check is under way.
    Check { wires: Wires, check: Check, pending: Pending },
    /// What will be opened is stated.
    Agreement { check: Vec<Sealed>, labels: Vec<Sealed> },
    /// The check's elements are being opened; after that the labels.
    Opening { openings: Openings, labels: Vec<Sealed>, checked: bool, done: bool },
    /// Nothing goes on.
    Over,
}

/// The state of a batch.
pub(crate) struct Batch {
    pub(super) number: u32,
    pub(super) exchange: u32,
    /// What has been seen before the exchange that is under way.
    seen: Digest,
    pub(super) stage: Stage,
    /// Of the exchange under way.
    heard: BTreeMap<Trustee, Heard>,
    /// Digests of all messages that were heard, by exchange and sender.
    past: BTreeMap<(u32, Trustee), Digest>,
    /// Trustees that opened what nobody stated, not yet told.
    pub(crate) liars: Vec<Trustee>,
    #[cfg(test)]
    pub(crate) view: Vec<u64>,
}

impl Batch {
    /// Begins a batch: computes the pieces of its counts and the summand of its first layer.
    pub(crate) fn begin(context: &Context, number: u32, firsts: &Digest) -> Result<(Self, Step), End> {
        let instances = context.plan.instances(number);
        let seen = Digest::of_value("tally batch", &(firsts, number, instances));
        let grid = context.plan.question().grid;
        let mut counts = Vec::new();
        for piece in context.holder.held() {
            let key = context.holder.keyring.key_piece(*piece).ok_or(End::Keyring)?;
            counts.push((*piece, phase::rounded(&context.sum, instances, &grid, *piece, &key)));
        }
        #[cfg(test)]
        context.lie(&mut crate::tests::lies::Moment::Counts(&mut counts));
        let inputs = Inputs {
            grid: &grid,
            classes: context.plan.question().layout.classes(),
            threshold: context.plan.threshold_units(),
        };
        let wires = Wires::new(context.plan.circuit(), context.plan.blocks(number), &inputs, &counts);
        let mut batch = Self {
            number,
            exchange: 1,
            seen,
            stage: Stage::Over,
            heard: BTreeMap::new(),
            past: BTreeMap::new(),
            liars: Vec::new(),
            #[cfg(test)]
            view: Vec::new(),
        };
        let step = batch.layer(context, wires, 0)?;
        Ok((batch, step))
    }

    pub(super) fn place(&self, context: &Context) -> Place {
        Place {
            session: context.session,
            attempt: context.terms.attempt(),
            batch: self.number,
            exchange: self.exchange,
            seen: self.seen,
        }
    }

    /// Computes a layer's sums and this trustee's summand of its products; after the last layer the check begins.
    fn layer(&mut self, context: &Context, mut wires: Wires, layer: usize) -> Result<Step, End> {
        let circuit = context.plan.circuit();
        let gates = circuit.layers().get(layer).ok_or(End::Keyring)?;
        wires.add(gates);
        if gates.products.is_empty() {
            let (check, summand) = Check::new(&context.holder, circuit, &wires, &self.seen);
            let (pending, step) = self.share(context, summand)?;
            self.stage = Stage::Check { wires, check, pending };
            return Ok(step);
        }
        let summand = wires.multiply(gates, &context.holder.terms());
        let (pending, step) = self.share(context, summand)?;
        self.stage = Stage::Layer { wires, layer, pending };
        Ok(step)
    }

    /// Shares a summand: masks it, seals the correction, and says the digest of its ciphertext.
    fn share(&self, context: &Context, summand: Words) -> Result<(Pending, Step), End> {
        #[cfg(test)]
        let summand = {
            let mut summand = summand;
            context.lie(&mut crate::tests::lies::Moment::Summand(&self.place(context), &mut summand));
            summand
        };
        let (pending, sealed) =
            Pending::new(&context.holder, &self.place(context), summand).ok_or(End::Keyring)?;
        #[cfg(test)]
        let sealed = {
            let mut sealed = sealed;
            context.lie(&mut crate::tests::lies::Moment::Sealed(self.exchange, &mut sealed));
            sealed
        };
        let body = Body::Correction { digest: Digest::of(&sealed), bytes: sealed.len() as u32 };
        Ok((pending, self.say(context, self.exchange, body, sealed)))
    }

    pub(super) fn say(&self, context: &Context, exchange: u32, body: Body, sealed: Vec<u8>) -> Step {
        let (_, message) = context.say((self.number, exchange), self.seen, body, sealed);
        Step::Say(Box::new(Saying { exchange, message }))
    }

    /// Takes a message of this batch, its own trustee's included. Its signature has been verified.
    pub(crate) fn hear(
        &mut self,
        context: &Context,
        said: Said,
        message: Message,
    ) -> Result<Result<Step, End>, Refusal> {
        let (exchange, sender) = (said.exchange, said.sender);
        let signed = base::ids::canonical(&message.signed);
        let digest = Digest::of(&signed);
        if let Some(before) = self.past.get(&(exchange, sender)) {
            if *before == digest {
                return Ok(Ok(Step::Wait));
            }
            if let Stage::Opening { .. } = self.stage {
                self.liars.push(sender);
                return Ok(Ok(Step::Wait));
            }
            return Ok(Err(End::Twice { batch: self.number, exchange, trustee: sender }));
        }
        if let Stage::Opening { .. } = self.stage {
            if exchange > self.exchange + 1 {
                return Err(Refusal::Early { batch: self.number, exchange });
            }
            self.past.insert((exchange, sender), digest);
            return Ok(self.opening(context, &said));
        }
        // Nothing of an earlier exchange is unheard: an exchange ends with the last of its messages.
        if exchange != self.exchange {
            return Err(Refusal::Early { batch: self.number, exchange });
        }
        if let (Body::Correction { digest, .. }, true) = (&said.body, self.is_for_me(context, sender))
            && *digest != Digest::of(&message.sealed)
        {
            return Err(Refusal::Ciphertext { batch: self.number, exchange, sender });
        }
        self.past.insert((exchange, sender), digest);
        if said.seen != self.seen {
            return Ok(Err(End::Fork { batch: self.number, exchange, trustee: sender }));
        }
        if !self.has_form(context, sender, &said.body) {
            return Ok(Err(End::Form { batch: self.number, exchange, trustee: sender }));
        }
        // What is meant for others is not kept.
        let sealed = if self.is_for_me(context, sender) { message.sealed } else { Vec::new() };
        self.heard.insert(sender, Heard { signed, said, sealed });
        if self.heard.len() < context.terms.present().size() {
            return Ok(Ok(Step::Wait));
        }
        Ok(self.complete(context))
    }

    /// Whether this trustee holds the piece that takes a sender's corrections.
    fn is_for_me(&self, context: &Context, sender: Trustee) -> bool {
        let work = context.holder.assignment.of(sender);
        sender != context.holder.trustee()
            && work.is_some_and(|work| context.holder.place(work.corrects).is_some())
    }

    /// Whether a message is of the kind and the length of the exchange under way.
    fn has_form(&self, context: &Context, sender: Trustee, body: &Body) -> bool {
        match (&self.stage, body) {
            (Stage::Layer { pending, .. } | Stage::Check { pending, .. }, Body::Correction { bytes, .. }) => {
                *bytes as usize == sealed_bytes(pending.words())
            }
            (Stage::Agreement { .. }, Body::Agreement(stated)) => {
                let held = context.plan.sharing().held(sender);
                stated.iter().map(|stated| stated.piece).eq(held)
            }
            _ => false,
        }
    }

    /// All messages of an exchange are in: goes on with the next.
    fn complete(&mut self, context: &Context) -> Result<Step, End> {
        let heard = std::mem::take(&mut self.heard);
        let before = self.seen;
        self.seen = seen_after(&before, heard.values().map(|heard| heard.signed.as_slice()));
        self.exchange += 1;
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Layer { mut wires, layer, pending } => {
                let gates = context.plan.circuit().layers().get(layer).ok_or(End::Keyring)?;
                let pieces = self.absorb(context, pending, &heard)?;
                wires.put(gates, &pieces);
                self.layer(context, wires, layer + 1)
            }
            Stage::Check { wires, check, pending } => {
                let pieces = self.absorb(context, pending, &heard)?;
                let place = self.place(context);
                let circuit = context.plan.circuit();
                match check.next(&context.holder, (circuit, &wires), &pieces, &place).ok_or(End::Keyring)? {
                    Next::Share(check, summand) => {
                        let (pending, step) = self.share(context, summand)?;
                        self.stage = Stage::Check { wires, check, pending };
                        Ok(step)
                    }
                    Next::Open(ends) => self.agree(context, &wires, &ends),
                }
            }
            Stage::Agreement { check, labels } => self.open(context, &heard, &check, labels),
            Stage::Opening { .. } | Stage::Over => Err(End::Keyring),
        }
    }

    fn absorb(
        &mut self,
        context: &Context,
        mut pending: Pending,
        heard: &BTreeMap<Trustee, Heard>,
    ) -> Result<Vec<Words>, End> {
        for (sender, heard) in heard {
            if !self.is_for_me(context, *sender) {
                continue;
            }
            let piece = context.holder.assignment.of(*sender).ok_or(End::Keyring)?.corrects;
            pending.absorb(&context.holder, *sender, piece, &heard.sealed).map_err(|_| End::Unopened {
                batch: self.number,
                exchange: heard.said.exchange,
                trustee: *sender,
                holders: context.plan.sharing().set(piece).and(context.terms.present()),
            })?;
        }
        let pieces = pending.finish();
        #[cfg(test)]
        self.view.extend(pieces.iter().flat_map(|words| words.iter().copied()));
        Ok(pieces)
    }

    /// Whether all have agreed on what is being opened.
    pub(crate) const fn is_opening(&self) -> bool {
        matches!(self.stage, Stage::Opening { done: false, .. })
    }

    /// Returns the trustees whose messages are waited for.
    pub(crate) fn waits_for(&self, context: &Context) -> Vec<Trustee> {
        let (first, last) = match &self.stage {
            Stage::Opening { done: true, .. } | Stage::Over => return Vec::new(),
            Stage::Opening { .. } => (self.exchange, self.exchange + 1),
            _ => (self.exchange, self.exchange),
        };
        let said =
            |trustee: &Trustee| (first..=last).all(|exchange| self.past.contains_key(&(exchange, *trustee)));
        context.present().into_iter().filter(|trustee| !said(trustee)).collect()
    }
}
