//! What goes with a student: where its labels come from and what they cost.

use base::{ids::Digest, schema::InstanceKind};
use learning::{Method, Student, StudentConfig};
use privacy::Epsilon;
use serde::{Deserialize, Serialize};

use super::Origin;

/// What stands under `about` in a student's `.json` file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StudentCard {
    /// Class names in the order of their indices.
    pub classes: Vec<String>,
    /// How values must be scaled before they are given to the student, in words.
    pub normalisation: String,
    /// Name of the federation.
    pub name: String,
    /// Hash of the federation's event 0.
    pub federation: Digest,
    /// What all labels that the federation had released cost.
    pub epsilon: Epsilon,
    /// The end of the transcript that says so.
    pub transcript: TranscriptHead,
    /// Number of released labels it was trained on.
    pub labels: usize,
    /// Number of instances without a label it was trained on.
    pub unlabelled: usize,
    /// How it learned.
    pub method: Method,
    /// The settings of its training.
    pub recipe: StudentConfig,
}

/// The end of a transcript.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TranscriptHead {
    /// Number of events.
    pub events: u64,
    /// Digest of the last event.
    pub digest: Digest,
}

impl StudentCard {
    pub(super) fn new(origin: &Origin, student: &Student, recipe: StudentConfig) -> Self {
        let normalisation = match (origin.config.instances.kind(), origin.config.instances.columns()) {
            (InstanceKind::Image, _) => "pixels in [0, 1]; a file of bytes is divided by 255",
            (InstanceKind::Table, [_, ..]) => "cells become values as the columns of the schema say",
            _ => "none: values are taken as the file has them",
        };
        Self {
            classes: origin.config.classes.clone(),
            normalisation: normalisation.to_owned(),
            name: origin.config.name.clone(),
            federation: origin.federation,
            epsilon: origin.epsilon.clone(),
            transcript: TranscriptHead { events: origin.head.length, digest: origin.head.digest },
            labels: student.labelled,
            unlabelled: student.unlabelled,
            method: student.method,
            recipe,
        }
    }
}
