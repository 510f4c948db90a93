//! What all batches of an attempt share.

use std::sync::Arc;

use base::identity::{Identity, PublicIdentity};
use base::ids::Digest;

use super::message::{Body, Message, Said};
use super::terms::Terms;
use crate::plan::Plan;
use crate::shares::Holder;
use crate::sharing::Trustee;
use crate::sum::Sum;

/// The attempt as one of its trustees knows it.
pub(crate) struct Context {
    pub(crate) plan: Arc<Plan>,
    pub(crate) sum: Arc<Sum>,
    pub(crate) holder: Holder,
    pub(crate) identity: Arc<Identity>,
    /// Of all trustees, in their order.
    pub(crate) trustees: Vec<PublicIdentity>,
    pub(crate) terms: Terms,
    pub(crate) session: Digest,
    #[cfg(test)]
    pub(crate) tamper: Option<crate::tests::lies::Tamper>,
}

impl Context {
    /// Returns the trustees that compute, in their order.
    pub(crate) fn present(&self) -> Vec<Trustee> {
        self.terms.present().members().collect()
    }

    /// Signs a message of this trustee.
    pub(crate) fn say(
        &self,
        (batch, exchange): (u32, u32),
        seen: Digest,
        body: Body,
        sealed: Vec<u8>,
    ) -> (Said, Message) {
        let sender = self.holder.trustee();
        let said = Said {
            session: self.session,
            attempt: self.terms.attempt(),
            batch,
            exchange,
            sender,
            seen,
            body,
        };
        #[cfg(test)]
        let said = self.tampered(said);
        let signed = self.identity.sign(&said);
        (said, Message { signed, sealed })
    }
}

#[cfg(test)]
impl Context {
    pub(crate) fn tampered(&self, mut said: Said) -> Said {
        self.lie(&mut crate::tests::lies::Moment::Said(&mut said));
        said
    }

    /// Lets a test's liar change something.
    pub(crate) fn lie(&self, moment: &mut crate::tests::lies::Moment<'_>) {
        if let Some(tamper) = &self.tamper {
            tamper.change(moment);
        }
    }
}
