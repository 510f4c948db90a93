//! What Cargo holds together: which crate may depend on what, and the one version of Rust.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, ensure};
use serde_json::Value;

/// Libraries that one crate alone may know, and that crate.
const DOORS: [(&str, &str); 5] = [
    ("askama", "coordinator"),
    ("burn", "learning"),
    ("opendp", "privacy"),
    ("sqlx", "coordinator"),
    ("tfhe", "fhe"),
];

/// Direct dependencies, not those of tests, by crate of the workspace.
type Dependencies = BTreeMap<String, BTreeSet<String>>;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(file: &str) -> anyhow::Result<String> {
    std::fs::read_to_string(root().join(file)).with_context(|| format!("{file} cannot be read"))
}

/// Returns what `cargo metadata` says about the workspace.
fn dependencies() -> anyhow::Result<Dependencies> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let name = |value: &Value| Some(value.get("name")?.as_str()?.to_owned());
    let packages = metadata.get("packages").and_then(Value::as_array).context("no packages")?;
    let of = |package: &Value| {
        let all = package.get("dependencies").and_then(Value::as_array)?;
        // `null` is the kind of an ordinary dependency.
        let ordinary = all.iter().filter(|one| one.get("kind").is_none_or(|kind| kind != "dev"));
        Some((name(package)?, ordinary.filter_map(name).collect()))
    };
    packages.iter().map(|package| of(package).context("a package without name or dependencies")).collect()
}

#[test]
fn only_one_crate_depends_on_each_library_that_has_a_door() -> anyhow::Result<()> {
    let dependencies = dependencies()?;
    for (library, door) in DOORS {
        let having = dependencies.iter().filter(|(_, all)| all.contains(library));
        let having: Vec<&str> = having.map(|(name, _)| name.as_str()).collect();
        assert_eq!(having, [door], "{library} is for {door} alone: ask that crate for what you need");
    }
    Ok(())
}

#[test]
fn the_programs_meet_only_in_the_tests_and_nothing_shared_knows_them() -> anyhow::Result<()> {
    let dependencies = dependencies()?;
    for program in ["coordinator", "participant"] {
        let having = dependencies.iter().filter(|(_, all)| all.contains(program));
        let having: Vec<&str> = having.map(|(name, _)| name.as_str()).collect();
        assert_eq!(having, ["tests"], "{program}");
    }
    for foundation in ["base", "chart"] {
        let all = dependencies.get(foundation).with_context(|| format!("{foundation} is missing"))?;
        let ours: Vec<&String> = all.iter().filter(|name| dependencies.contains_key(*name)).collect();
        assert!(ours.is_empty(), "{foundation} stands on no crate of ours, but depends on {ours:?}");
    }
    Ok(())
}

#[test]
fn every_place_that_names_a_version_of_rust_names_the_one_of_the_manifest() -> anyhow::Result<()> {
    let manifest: toml::Table = toml::from_str(&read("Cargo.toml")?)?;
    let package = manifest.get("workspace").and_then(|workspace| workspace.get("package"));
    let version = package.and_then(|package| package.get("rust-version")?.as_str());
    let version = version.context("[workspace.package] has no rust-version")?;
    let image = format!("/library/rust:{version}-");
    ensure!(read("deploy/Containerfile")?.contains(&image), "deploy/Containerfile: expected {image}…");
    let sentence = format!("Rust {version} or newer");
    ensure!(read("README.md")?.contains(&sentence), "README.md: expected \"{sentence}\"");
    Ok(())
}
