//! Joining by kits over TLS: an authority of the federation's own, one archive per institution.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use coordinator::tls::AUTHORITY;

use super::{Federation, Member, utf8};
use crate::{Api, Plan, Processes, Programs, data};

impl Federation {
    /// Founds a federation that speaks TLS, packs a kit for everybody, opens each, approves and trains.
    pub fn assemble_by_kits(plan: &Plan, log_filter: &str) -> anyhow::Result<Self> {
        let temporary = tempfile::Builder::new().prefix("psephos-kits-").tempdir()?;
        let mut federation = Self::open(temporary.path(), &Programs::find()?, &Processes::default())?;
        federation._temporary = Some(temporary);
        federation.serve.clone_from(&plan.serve);
        federation.log_filter = Some(log_filter.to_owned());
        federation.speak_tls()?;
        federation.serve()?;
        federation.create(&plan.config)?;
        for number in 1..=plan.participants {
            let name = format!("hospital-{number}");
            let folder = federation.folder.join(format!("data-{number}"));
            data::write(
                &folder,
                &data::rows(plan.classes(), plan.persons, 4, number as u64)?,
                plan.classes(),
            )?;
            let kit = federation.kit(&name, number <= usize::from(plan.config.trustees.count))?;
            federation.open_kit(&kit, &name, &folder, plan)?;
        }
        federation.approve_all()?;
        federation.approve_trustees(plan.config.trustees)?;
        for member in &federation.members {
            federation.train(member)?;
        }
        Ok(federation)
    }

    /// Makes an authority and a certificate; from now on everybody speaks https.
    pub fn speak_tls(&mut self) -> anyhow::Result<()> {
        self.operate(&["tls", "init", "--name", "localhost"], crate::wait::PATIENCE)?.success()?;
        self.is_secure = true;
        let path = self.coordinator_home().join(AUTHORITY);
        let pem = std::fs::read(&path).with_context(|| path.display().to_string())?;
        self.api = Api::trusting(&self.url(), &pem)?;
        Ok(())
    }

    /// Packs the kit of one institution.
    pub fn kit(&self, name: &str, is_trustee: bool) -> anyhow::Result<PathBuf> {
        let out = self.folder.join("kits");
        let mut arguments = vec!["kit", "create", name, "--out", utf8(&out)?, "--teachers", "7"];
        arguments.extend(is_trustee.then_some("--trustee"));
        self.operate(&arguments, crate::wait::PATIENCE)?.success()?;
        Ok(out.join(format!("{name}.kit.tar.gz")))
    }

    /// Opens a kit at an institution, which is then enrolled.
    pub fn open_kit(&mut self, kit: &Path, name: &str, data: &Path, plan: &Plan) -> anyhow::Result<()> {
        let member = Member::new(&self.folder, name);
        let (teachers, poll) = (plan.teachers.to_string(), plan.poll_seconds.to_string());
        let mut arguments = vec!["kit", "open", utf8(kit)?, "--data", utf8(data)?];
        arguments.extend(["--teachers", &teachers, "--poll-seconds", &poll]);
        self.member(&member, &arguments)?.success()?;
        self.members.push(member);
        Ok(())
    }
}
