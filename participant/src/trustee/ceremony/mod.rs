//! The ceremony with a dealer: one trustee deals, each checks what it received and says so, and all of them open a
//! known answer.

pub mod acknowledge;
pub mod deal;

#[cfg(test)]
mod tests;
