//! The homes of a fleet: made once, each with its part of the data.

use learning::{
    files::write_folder,
    load_source,
    partition::{simulated_key, simulated_seed},
};

use super::{FleetError, Member, Plan, deal, invites::Entry, member_at, progress::Progress};
use crate::{
    config::{Config, DataConfig, Limits, TeacherConfig, TeachersConfig},
    joining::make_home,
};

/// Makes the homes that are missing; those that are there are left as they are.
pub(super) fn prepare(plan: &Plan, seed: u64, invites: &[Entry]) -> Result<Vec<Member>, FleetError> {
    let members: Vec<Member> =
        (0..plan.participants).map(|index| member_at(&plan.homes, index, plan.participants)).collect();
    if members.iter().any(|member| !member.home.config().is_file()) {
        make(plan, seed, invites, &members)?;
    }
    Ok(members)
}

fn make(plan: &Plan, seed: u64, invites: &[Entry], members: &[Member]) -> Result<(), FleetError> {
    // All of the data is in memory here and nowhere else: the homes hold a part each, on disk.
    let mut source = load_source(&plan.data)?;
    source.test = None;
    let parts = deal(&source.train, plan.partition, plan.participants, seed, &plan.data)?;
    plan.keep(seed)?;
    let classes = u16::try_from(source.description.classes.len()).unwrap_or(u16::MAX);
    let (model, training) = plan.recipe.settle(&source.description.schema, classes);
    let progress = Progress::start("made homes", members.len());
    for (index, (member, part)) in members.iter().zip(&parts).enumerate() {
        if !member.home.config().is_file() {
            write_folder(&member.home.root().join("data"), &source.train.select(part), &source.description)?;
            let name = invites.get(index).and_then(|invite| invite.name.clone());
            let config = Config {
                name: name.unwrap_or_else(|| member.name.clone()),
                coordinator: plan.coordinator.clone(),
                coordinator_fingerprint: plan.fingerprint,
                poll_seconds: plan.poll(),
                insecure_http: plan.insecure_http,
                data: DataConfig { path: "data".into() },
                teachers: TeachersConfig {
                    count: plan.teachers,
                    seed: simulated_seed(seed, index as u64),
                    model: model.clone(),
                    training: training.clone(),
                    start: None,
                },
                teacher: TeacherConfig::default(),
                limits: Limits::default(),
            };
            let key = simulated_key("shards of a simulated participant", seed, index as u64);
            make_home(&member.home, &config, Some(&key)).map_err(|e| FleetError::member(&member.name, e))?;
        }
        progress.done_one();
    }
    progress.finish();
    Ok(())
}
