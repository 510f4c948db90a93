//! The program behind `scripts/screenshots.sh`: pictures of every page of the dashboard, light and dark, wide and narrow,
//! of a federation of real processes.

use std::{
    io::{Write as _, stdout},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::Parser;
use protocol::wire::{IssuedToken, RoundView};
use tests::{
    Federation,
    browser::{Browser, Look},
    demo::{Arguments, tell},
    federation::{released, utf8},
    stage::{Stage, perform, play},
    wait::PATIENCE,
};

/// Most bytes of the README's picture.
const LARGEST: usize = 200_000;

/// Takes pictures of every page of the dashboard
#[derive(Debug, Clone, Parser)]
#[command(name = "screenshots", version, after_help = "Example: scripts/screenshots.sh /tmp/pictures")]
struct Options {
    /// Folder for the pictures
    out: PathBuf,
    /// Also writes the picture of the README to this file
    #[arg(long, value_name = "FILE")]
    readme: Option<PathBuf>,
    /// Uses tiny keys that protect nothing, for a quick look; every page then says so in red
    #[arg(long)]
    insecure_toy_parameters: bool,
}

fn main() -> ExitCode {
    perform("screenshots", |asked: Options| {
        play("screenshots", false, move |stage| take(&asked, stage))?.finish(Ok)
    })
}

fn take(asked: &Options, stage: &Stage) -> anyhow::Result<()> {
    std::fs::create_dir_all(&asked.out).with_context(|| asked.out.display().to_string())?;
    let browser = Browser::start(&stage.folder)?;
    let mut words = vec!["demo", "--instances", "60", "--participants", "4", "--promise", "12"];
    if asked.insecure_toy_parameters {
        words.push("--insecure-toy-parameters");
    }
    let arguments = Arguments::try_parse_from(words)?;
    let (_, federation) = tell(&arguments, stage)?;
    let first = federation.rounds()?.first().context("the demo held no round")?.round;
    let second = another_round(&federation)?;
    let token: IssuedToken = federation.ask(&["token", "create", "reader", "--expires", "1d"])?;
    let url = federation.url();
    browser.log_in(&url, &token.token)?;
    federation.wait_for(second, "the second round's tally", |view| {
        view.progress.is_some_and(|progress| progress.done > 0) || released(&view.state)
    })?;
    picture_of(&browser, asked, "round-live", &format!("{url}/rounds/{second}"))?;
    federation.wait_for_labels(second)?;
    let rounds = [first, second].map(|round| format!("rounds/{round}"));
    let pages = ["federation", "rounds", &rounds[0], "privacy", "student", "transcript", "operations"];
    for page in pages {
        let name = if page.starts_with("rounds/") { "round" } else { page };
        picture_of(&browser, asked, name, &format!("{url}/{page}"))?;
    }
    if let Some(path) = &asked.readme {
        browser.look(Look { width: 1120, height: 760, is_dark: false })?;
        open(&browser, &format!("{url}/{}", rounds[0]))?;
        let picture = browser.picture(false)?;
        anyhow::ensure!(picture.len() < LARGEST, "the README's picture has {} bytes", picture.len());
        write(path, &picture)?;
    }
    browser.run("document.cookie = ''; document.querySelector('form[action=\"/logout\"]').submit();")?;
    browser.wait_for("the end of the session", "return location.pathname === '/login';")?;
    picture_of(&browser, asked, "login", &format!("{url}/login"))?;
    federation.finish()
}

/// Announces a round over other instances of the same data.
fn another_round(federation: &Federation) -> anyhow::Result<base::ids::RoundId> {
    let (split, out) = (federation.folder.join("split"), federation.folder.join("round-2"));
    let command =
        ["data", "draw", "--split", utf8(&split)?, "--count", "120", "--seed", "7", "--out", utf8(&out)?];
    federation.participant(&command, PATIENCE)?.success()?;
    let instances = out.join("instances.npy");
    let view: RoundView =
        federation.ask(&["round", "create", "--instances", utf8(&instances)?, "--window", "30m"])?;
    Ok(view.round)
}

/// Opens a page and waits until it follows what happens, as it looks to a person.
fn open(browser: &Browser, url: &str) -> anyhow::Result<()> {
    browser.open(url)?;
    let is_ready = "const sign = document.getElementById('following'); \
                    return document.getElementById('login') !== null || sign.classList.contains('live');";
    browser.wait_for("the page's stream", is_ready)
}

fn picture_of(browser: &Browser, asked: &Options, name: &str, url: &str) -> anyhow::Result<()> {
    for (width, height, size) in [(1280, 860, "desktop"), (360, 780, "phone")] {
        for (is_dark, scheme) in [(false, "light"), (true, "dark")] {
            browser.look(Look { width, height, is_dark })?;
            open(browser, url)?;
            let path = asked.out.join(format!("{name}-{size}-{scheme}.png"));
            write(&path, &browser.picture(true)?)?;
        }
    }
    Ok(())
}

fn write(path: &Path, picture: &[u8]) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, picture).with_context(|| path.display().to_string())?;
    Ok(writeln!(stdout(), "{}", path.display())?)
}
