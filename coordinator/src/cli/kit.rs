//! `kit create`: one archive that brings an institution in.

use std::{
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use base::fingerprint::Fingerprint;
use clap::{Args, Subcommand};
use protocol::{
    kit::{Kit, KitSettings, KitTeachers},
    wire::{Invite, NewInvite},
};
use serde::Serialize;

use super::{
    Client, Failure,
    client::authority_file,
    output::{Output, remark},
};
use crate::tls::load_chain;

#[derive(Debug, Subcommand)]
pub(super) enum KitVerb {
    /// Invites an institution and packs what it needs into NAME.kit.tar.gz: address, fingerprint, invite, unit
    ///
    /// The kit carries the invite, a secret that enrols once: send it by a way that only the institution reads.
    ///
    /// Example: coordinator kit create st-mary --address https://labels.example.org:7400
    Create(KitArgs),
}

#[derive(Debug, Args)]
pub(super) struct KitArgs {
    /// Name of the institution, unique in the federation
    name: String,
    /// Makes it a trustee, which holds the decryption key or pieces of it
    #[arg(long)]
    trustee: bool,
    /// Address under which the institution reaches this coordinator [default: --url]
    #[arg(long, value_name = "URL")]
    address: Option<String>,
    /// Number of teachers to suggest; the institution may choose another
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    teachers: u32,
    /// Folder to write to
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
}

/// What was written; the invite is not repeated.
#[derive(Debug, Serialize)]
struct Created {
    name: String,
    file: PathBuf,
    coordinator: String,
    fingerprint: Option<Fingerprint>,
    trustee: bool,
}

/// Holds where the operator's command looks for the coordinator and its authority.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) home: &'a Path,
    pub(super) url: &'a str,
    pub(super) authority: Option<&'a Path>,
    pub(super) insecure_http: bool,
}

pub(super) async fn run(
    client: &Client,
    output: Output,
    place: Place<'_>,
    verb: KitVerb,
) -> Result<(), Failure> {
    let KitVerb::Create(args) = verb;
    let address = args.address.as_deref().unwrap_or(place.url).trim_end_matches('/').to_owned();
    let is_https = address.starts_with("https://");
    if !is_https && !is_this_machine(&address) && !place.insecure_http {
        return Err(Failure::Usage(format!(
            "--address {address} is plain http: run `coordinator tls init --name HOST` and give https://, or name \
             --insecure-http for a closed test network"
        )));
    }
    let file = args.out.join(format!("{}.kit.tar.gz", args.name));
    // Before the invite, which cannot be shown a second time.
    refuse_used(&file)?;
    let authority = match authority_file(place.home, place.authority).filter(|_| is_https) {
        Some(path) => Some(read_authority(&path)?),
        None => None,
    };
    let invite: Invite =
        client.post("/invites", &NewInvite { name: args.name.clone(), trustee: args.trustee }).await?;
    let kit = assemble(&args, &address, invite.invite, authority, place.insecure_http && !is_https);
    let written = kit.to_bytes().map_err(|e| e.to_string()).and_then(|bytes| write(&file, &bytes));
    written.map_err(|e| {
        // The invite is shown once, and that once is lost.
        Failure::Job(format!(
            "{e}; \"{}\" is invited all the same: use another name for its next kit",
            args.name
        ))
    })?;
    if is_this_machine(&address) {
        remark(&format!("the kit says {address}, which only this machine reaches: see --address"));
    }
    let fingerprint = kit.settings.coordinator_fingerprint;
    let created = Created { name: args.name, file, coordinator: address, fingerprint, trustee: args.trustee };
    output.fact(&created, || describe(&created))
}

fn is_this_machine(address: &str) -> bool {
    address.parse().is_ok_and(|url| client::is_loopback(&url))
}

fn describe(created: &Created) -> String {
    let fingerprint = created.fingerprint.map_or_else(
        || "none: the system's authorities vouch for the coordinator".to_owned(),
        |fingerprint| fingerprint.to_string(),
    );
    format!(
        "wrote {}\nfingerprint {fingerprint}\n\nIT CARRIES AN INVITE, which is a secret and enrols once: send it by a way \
         that only {} reads, and tell it the fingerprint by phone\n  participant kit open {} --data DATA",
        created.file.display(),
        created.name,
        created.file.file_name().unwrap_or_default().to_string_lossy()
    )
}

fn refuse_used(file: &Path) -> Result<(), Failure> {
    match file.exists() {
        true => Err(Failure::Usage(format!("{} is there already: no kit is overwritten", file.display()))),
        false => Ok(()),
    }
}

fn read_authority(path: &Path) -> Result<(Fingerprint, String), Failure> {
    let chain = load_chain(path)?;
    let first = chain.first().ok_or_else(|| Failure::Usage(format!("{}: no certificate", path.display())))?;
    let text =
        std::fs::read_to_string(path).map_err(|e| Failure::Usage(format!("{}: {e}", path.display())))?;
    Ok((Fingerprint::of(first), text))
}

fn assemble(
    args: &KitArgs,
    address: &str,
    invite: String,
    authority: Option<(Fingerprint, String)>,
    insecure_http: bool,
) -> Kit {
    let (fingerprint, pem) = authority.unzip();
    let settings = KitSettings {
        name: args.name.clone(),
        coordinator: address.to_owned(),
        coordinator_fingerprint: fingerprint,
        insecure_http,
        teachers: KitTeachers { count: args.teachers },
    };
    let readme =
        include_str!("kit/README.md").replace("{name}", &args.name).replace("{address}", address).replace(
            "{fingerprint}",
            &fingerprint.map_or_else(|| "none (a public authority vouches)".to_owned(), |f| f.to_string()),
        );
    let unit = include_str!("../../../deploy/psephos-participant.service").to_owned();
    Kit { settings, invite, authority: pem, readme, unit }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let failed = |e: std::io::Error| format!("{}: {e}", path.display());
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let options = std::fs::OpenOptions::new().create_new(true).write(true).mode(0o600).clone();
    let mut file = options.open(path).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)
}
