//! Every example config is one that the programs accept.

use std::path::{Path, PathBuf};

use coordinator::config::FileSettings;
use learning::{generate_bank, generate_ecg};
use participant::config::Config;
use protocol::federation::FederationConfig;

fn configs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs")
}

#[test]
fn every_file_in_configs_is_accepted_by_the_program_it_is_for() -> anyhow::Result<()> {
    let mut kinds = [0; 3];
    for entry in std::fs::read_dir(configs())? {
        let path = entry?.path();
        let text = std::fs::read_to_string(&path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with("federation") {
            FederationConfig::from_toml(&text).map_err(|e| anyhow::anyhow!("{name}: {e}"))?;
            kinds[0] += 1;
        } else if name.starts_with("participant") {
            Config::from_toml(&text, &path)?;
            kinds[1] += 1;
        } else if name.starts_with("coordinator") {
            toml::from_str::<FileSettings>(&text)?.settle(&configs())?;
            kinds[2] += 1;
        } else {
            anyhow::bail!(
                "configs/{name} is for no program: name it federation-…, participant-… or coordinator-…"
            );
        }
    }
    assert!(kinds[0] >= 2 && kinds[1] >= 1, "configs/ holds too few examples: {kinds:?}");
    Ok(())
}

#[test]
fn the_example_for_beats_names_the_classes_in_the_order_of_the_generated_labels() -> anyhow::Result<()> {
    let text = std::fs::read_to_string(configs().join("federation-ecg.toml"))?;
    let config = FederationConfig::from_toml(&text)?;
    let description = generate_ecg(1, 1, 1)?.description;
    assert_eq!((config.classes, config.instances), (description.classes, description.schema));
    Ok(())
}

#[test]
fn the_example_for_banks_reads_what_is_generated_by_the_same_columns_and_classes() -> anyhow::Result<()> {
    let text = std::fs::read_to_string(configs().join("federation-bank.toml"))?;
    let config = FederationConfig::from_toml(&text)?;
    let description = generate_bank(1, 1, 1)?.description;
    assert_eq!((config.classes, config.instances), (description.classes, description.schema));
    Ok(())
}
