//! `participant init`: a new home with config, identity and shard key.

use std::path::{Path, PathBuf};

use base::fingerprint::Fingerprint;
use serde_json::json;

use super::{
    Failure,
    arguments::{InitArguments, Model},
    output::{self, Output},
};
use crate::{
    config::{ApproveRounds, Config, DataConfig, Limits, TeacherConfig, TeachersConfig},
    home::Home,
    identity::PublicFacts,
    joining::make_home,
};
use runtime::files::is_used;

pub(super) fn run(root: &Path, arguments: InitArguments, output: &Output) -> Result<(), Failure> {
    let home = Home::at(root);
    let facts = make(&home, Institution::of(arguments))?;
    let words = format!(
        "made {} for {}\nidentity  {}\nnext      participant enroll --home {} --invite-file FILE",
        root.display(),
        facts.name,
        facts.identity,
        root.display()
    );
    output.show(&words, &json!({ "home": root, "identity": facts, "config": home.config() }))
}

/// Beginning of a new home's config.
pub(super) struct Institution {
    pub(super) name: String,
    pub(super) coordinator: String,
    pub(super) coordinator_fingerprint: Option<Fingerprint>,
    pub(super) data: PathBuf,
    pub(super) teachers: u32,
    pub(super) seed: Option<u32>,
    pub(super) model: Option<Model>,
    pub(super) ask: bool,
    pub(super) poll_seconds: Option<f64>,
    pub(super) insecure_http: bool,
}

impl Institution {
    fn of(arguments: InitArguments) -> Self {
        let InitArguments {
            name,
            coordinator,
            fingerprint,
            data,
            teachers,
            seed,
            model,
            ask,
            poll_seconds,
            insecure_http,
        } = arguments;
        Self {
            name,
            coordinator,
            coordinator_fingerprint: fingerprint,
            data,
            teachers,
            seed,
            model,
            ask,
            poll_seconds,
            insecure_http,
        }
    }
}

/// Makes a home with fresh secrets and a config.
pub(super) fn make(home: &Home, institution: Institution) -> Result<PublicFacts, Failure> {
    refuse_used(home)?;
    let config = config(institution)?;
    let facts = make_home(home, &config, None)?;
    if config.insecure_http {
        output::insecure("insecure_http: the token travels in the clear");
    }
    Ok(facts)
}

/// Refuses a folder that holds anything: an identity is never overwritten.
fn refuse_used(home: &Home) -> Result<(), Failure> {
    match is_used(home.root())? {
        true => Err(Failure::arguments(format_args!(
            "{} is not empty: an identity is never overwritten; choose another --home",
            home.root().display()
        ))),
        false => Ok(()),
    }
}

fn config(arguments: Institution) -> Result<Config, Failure> {
    let data = std::path::absolute(&arguments.data).map_err(|e| {
        Failure::arguments(format_args!("--data {} is not a path: {e}", arguments.data.display()))
    })?;
    if !data.exists() {
        return Err(Failure::arguments(format_args!("--data {} does not exist", data.display())));
    }
    let seed = match arguments.seed {
        Some(seed) => seed,
        None => getrandom::u32().map_err(Failure::job)?,
    };
    let model = arguments.model.map(Model::network);
    let approve_rounds = if arguments.ask { ApproveRounds::Ask } else { ApproveRounds::All };
    Ok(Config {
        name: arguments.name,
        coordinator: arguments.coordinator,
        coordinator_fingerprint: arguments.coordinator_fingerprint,
        poll_seconds: arguments.poll_seconds.unwrap_or(2.0),
        insecure_http: arguments.insecure_http,
        data: DataConfig { path: data },
        teachers: TeachersConfig { count: arguments.teachers, seed, model, training: None, start: None },
        teacher: TeacherConfig::default(),
        limits: Limits { approve_rounds, ..Limits::default() },
    })
}
