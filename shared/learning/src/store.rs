//! Networks on disk: `<stem>.safetensors` with the weights and `<stem>.json` with what they belong to.

use super::layers::Layers;
use super::network::{Network, NetworkConfig, NetworkError};
use super::seeds;
use base::ids::Digest;
use base::schema::InstanceSchema;
use burn::prelude::*;
use burn::store::{ModuleSnapshot, PyTorchToBurnAdapter, SafetensorsStore};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The version of the metadata file.
const FORMAT: u32 = 1;
/// What the weights' file holds besides 4 bytes per weight: names and shapes of a few layers.
const HEADER_ALLOWANCE: u64 = 1 << 16;

/// Why a network cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file cannot be read.
    #[error("{}: cannot be read: {source}; train again if it is lost", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error("{}: cannot be written: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The metadata is not readable.
    #[error("{}: not a network's description: {problem}", path.display())]
    Metadata {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The described network cannot be built.
    #[error("{}: {source}", path.display())]
    Network {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: NetworkError,
    },
    /// The file to start from holds another network.
    #[error("{}: not the weights of this network: {problem}", path.display())]
    Import {
        /// The file.
        path: PathBuf,
        /// Which layers do not fit.
        problem: String,
    },
    /// The weights are truncated, damaged or of another network.
    #[error("{}: the weights are truncated, damaged or of another network ({problem}); train again", path.display())]
    Weights {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    format: u32,
    schema: InstanceSchema,
    classes: u16,
    network: NetworkConfig,
    seed: u64,
    /// What the caller says about it, for example where a student comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    about: Option<serde_json::Value>,
}

/// Writes the weights to `stem` + `.safetensors` and then what they belong to to `stem` + `.json`. A network is as
/// private as its data: on Unix only the owner may read the files.
///
/// # Errors
/// A file that cannot be written.
pub fn save_network(network: &Network, stem: &Path) -> Result<(), StoreError> {
    save(network, None, stem)
}

/// Writes a network as [`save_network`] does, with words of the caller under `about` in the `.json` file.
///
/// # Errors
/// Words that have no JSON form, or a file that cannot be written.
pub fn save_described(network: &Network, about: &impl Serialize, stem: &Path) -> Result<(), StoreError> {
    let failed = |e: serde_json::Error| StoreError::Write { path: paths(stem).1, source: e.into() };
    save(network, Some(serde_json::to_value(about).map_err(failed)?), stem)
}

/// Reads a network back, bit for bit.
///
/// # Errors
/// A missing or truncated file, weights of another shape or not finite.
pub fn load_network(stem: &Path) -> Result<Network, StoreError> {
    load(stem).map(|(network, _)| network)
}

/// Reads a network and the words that [`save_described`] wrote with it.
///
/// # Errors
/// As [`load_network`], and a description without words, or with others than expected.
pub fn load_described<T: DeserializeOwned>(stem: &Path) -> Result<(Network, T), StoreError> {
    let (network, about) = load(stem)?;
    let wrong = |problem: String| StoreError::Metadata { path: paths(stem).1, problem };
    let about =
        about.ok_or_else(|| wrong("it does not say where the network comes from (`about`)".into()))?;
    let about = serde_json::from_value(about).map_err(|e| wrong(format!("about: {e}")))?;
    Ok((network, about))
}

fn save(network: &Network, about: Option<serde_json::Value>, stem: &Path) -> Result<(), StoreError> {
    let (weights_path, metadata_path) = paths(stem);
    // The library writes its own metadata in an order that changes: the same weights would give other bytes.
    let mut store = SafetensorsStore::from_bytes(None).clear_metadata();
    let failed = |source| StoreError::Write { path: weights_path.clone(), source };
    network.layers.save_into(&mut store).map_err(|e| failed(std::io::Error::other(e.to_string())))?;
    let weights = store.get_bytes().map_err(|e| failed(std::io::Error::other(e.to_string())))?;
    write_private(&weights_path, &weights).map_err(failed)?;
    let metadata = Metadata {
        format: FORMAT,
        schema: network.schema.clone(),
        classes: network.classes,
        network: network.config.clone(),
        seed: network.seed,
        about,
    };
    let failed = |source| StoreError::Write { path: metadata_path.clone(), source };
    let text = serde_json::to_vec_pretty(&metadata).map_err(|e| failed(e.into()))?;
    write_private(&metadata_path, &text).map_err(failed)
}

fn load(stem: &Path) -> Result<(Network, Option<serde_json::Value>), StoreError> {
    let (weights_path, metadata_path) = paths(stem);
    let metadata = read_metadata(&metadata_path)?;
    let plan = metadata.network.plan(&metadata.schema, metadata.classes);
    let plan = plan.map_err(|source| StoreError::Network { path: metadata_path, source })?;
    let damaged = |problem: String| StoreError::Weights { path: weights_path.clone(), problem };
    let mut layers = Layers::new(&plan, &mut seeds::generator("placeholder", 0, 0), &Device::flex());
    let bytes = read_weights(&weights_path, layers.to_weights().len())?;
    let mut store = SafetensorsStore::from_bytes(Some(bytes));
    let applied = layers.load_from(&mut store).map_err(|e| damaged(e.to_string()))?;
    if !(applied.missing.is_empty() && applied.unused.is_empty() && applied.errors.is_empty()) {
        return Err(damaged("its layers are not those of the description".into()));
    }
    if layers.to_weights().iter().any(|weight| !weight.is_finite()) {
        return Err(damaged("a weight is not finite".into()));
    }
    let Metadata { schema, classes, network: config, seed, about, .. } = metadata;
    Ok((Network { layers, config, schema, classes, seed }, about))
}

/// First weights for networks that are to be trained, from a file that another program may have written.
#[derive(Clone, PartialEq)]
pub struct FirstWeights {
    values: Vec<f32>,
    digest: Digest,
}

impl FirstWeights {
    /// Returns all of them, layer after layer.
    pub(super) fn values(&self) -> &[f32] {
        &self.values
    }
}

impl std::fmt::Debug for FirstWeights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("FirstWeights").field(&self.digest).finish()
    }
}

/// Reads the weights of a network of these layers from a safetensors file: one of ours, or one that PyTorch wrote, with
/// the layers' names `first`, `second`, `hidden`, `output`, or `linears.0` and so on, and linear layers as
/// `[outputs, inputs]`.
///
/// # Errors
/// A file that cannot be read, and layers that are missing, too many or of other sizes, by name.
pub fn import_weights(
    path: &Path,
    network: &NetworkConfig,
    schema: &InstanceSchema,
    classes: u16,
) -> Result<FirstWeights, StoreError> {
    let plan = network.plan(schema, classes);
    let plan = plan.map_err(|source| StoreError::Network { path: path.to_owned(), source })?;
    let foreign = |problem: String| StoreError::Import { path: path.to_owned(), problem };
    let mut layers = Layers::new(&plan, &mut seeds::generator("placeholder", 0, 0), &Device::flex());
    let bytes = read_weights(path, layers.to_weights().len())?;
    let digest = Digest::of(&bytes);
    // Files of ours name the architecture before the layer.
    let kind = layers.kind();
    let is_ours = names(&bytes).iter().any(|name| name.starts_with(kind));
    let mut store = SafetensorsStore::from_bytes(Some(bytes)).allow_partial(true).validate(false);
    if !is_ours {
        store = store.with_from_adapter(PyTorchToBurnAdapter).with_key_remapping("^", format!("{kind}."));
    }
    let applied = layers.load_from(&mut store).map_err(|e| foreign(e.to_string()))?;
    if let Some(error) = applied.errors.first() {
        return Err(foreign(error.to_string()));
    }
    let missing: Vec<&str> = applied.missing.iter().map(|(name, _)| name.as_str()).collect();
    if !missing.is_empty() || !applied.unused.is_empty() {
        let list = |names: &[&str]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        let unused: Vec<&str> = applied.unused.iter().map(String::as_str).collect();
        return Err(foreign(format!("missing are {}; unknown are {}", list(&missing), list(&unused))));
    }
    let values = layers.to_weights();
    match values.iter().all(|weight| weight.is_finite()) {
        true => Ok(FirstWeights { values, digest }),
        false => Err(foreign("a weight is not finite".into())),
    }
}

/// Returns the names in a safetensors file's header: its length in 8 bytes, then JSON; nothing where there is no such
/// header.
fn names(bytes: &[u8]) -> Vec<String> {
    let header = bytes.split_first_chunk().and_then(|(length, rest)| {
        let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
        serde_json::from_slice::<BTreeMap<String, serde_json::Value>>(rest.get(..length)?).ok()
    });
    header.unwrap_or_default().into_keys().collect()
}

fn read_metadata(path: &Path) -> Result<Metadata, StoreError> {
    let text = std::fs::read(path).map_err(|source| StoreError::Read { path: path.to_owned(), source })?;
    let wrong = |problem: String| StoreError::Metadata { path: path.to_owned(), problem };
    let metadata: Metadata = serde_json::from_slice(&text).map_err(|e| wrong(e.to_string()))?;
    if metadata.format == FORMAT {
        return Ok(metadata);
    }
    Err(wrong(format!("format {} is not {FORMAT}, the one this version reads", metadata.format)))
}

fn read_weights(path: &Path, weights: usize) -> Result<Vec<u8>, StoreError> {
    let failed = |source| StoreError::Read { path: path.to_owned(), source };
    let length = std::fs::metadata(path).map_err(failed)?.len();
    let least = 4 * weights as u64;
    if (least..=least + HEADER_ALLOWANCE).contains(&length) {
        return std::fs::read(path).map_err(failed);
    }
    let problem = format!("{length} bytes cannot hold exactly {weights} weights of 4 bytes");
    Err(StoreError::Weights { path: path.to_owned(), problem })
}

fn paths(stem: &Path) -> (PathBuf, PathBuf) {
    let with = |suffix: &str| {
        let mut path = stem.as_os_str().to_owned();
        path.push(suffix);
        PathBuf::from(path)
    };
    (with(".safetensors"), with(".json"))
}

/// Writes beside the target and renames, so that a crash leaves the old file or the new one.
fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".unfinished");
    let unfinished = PathBuf::from(unfinished);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&unfinished, path)
}

#[cfg(test)]
mod tests {
    use super::super::network::{Cnn1dConfig, CnnConfig, MlpConfig};
    use super::*;
    use base::schema::InstanceKind;

    fn network(config: NetworkConfig, kind: InstanceKind, shape: &[usize]) -> Network {
        let schema = InstanceSchema::new(kind, shape.to_vec()).unwrap();
        let plan = config.plan(&schema, 4).unwrap();
        let layers = Layers::new(&plan, &mut seeds::generator("test", 0, 0), &Device::flex());
        Network { layers, config, schema, classes: 4, seed: 17 }
    }

    fn mlp() -> Network {
        network(NetworkConfig::Mlp(MlpConfig { hidden: vec![6, 5] }), InstanceKind::Table, &[3])
    }

    fn bits(network: &Network) -> Vec<u32> {
        network.weights().into_iter().map(f32::to_bits).collect()
    }

    #[test]
    fn every_architecture_comes_back_bit_for_bit() {
        let folder = tempfile::tempdir().unwrap();
        let networks = [
            mlp(),
            network(NetworkConfig::Cnn(CnnConfig::default()), InstanceKind::Image, &[2, 9, 13]),
            network(NetworkConfig::Cnn1d(Cnn1dConfig::default()), InstanceKind::Signal, &[40]),
        ];
        for (number, network) in networks.iter().enumerate() {
            let stem = folder.path().join(format!("teacher.{number}"));
            save_network(network, &stem).unwrap();
            let back = load_network(&stem).unwrap();
            assert_eq!(bits(&back), bits(network));
            assert_eq!(
                (back.config(), back.schema(), back.classes()),
                (network.config(), network.schema(), 4)
            );
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 6);
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read_a_network() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        save_network(&mlp(), &folder.path().join("teacher")).unwrap();
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            assert_eq!(entry.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_missing_truncated_or_swapped_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let stem = folder.path().join("teacher");
        let refusal = || load_network(&stem).unwrap_err().to_string();
        assert!(refusal().contains("teacher.json: cannot be read"));
        save_network(&mlp(), &stem).unwrap();
        let weights = folder.path().join("teacher.safetensors");
        let whole = std::fs::read(&weights).unwrap();
        for length in 0..whole.len() {
            std::fs::write(&weights, &whole[..length]).unwrap();
            assert!(refusal().contains("teacher.safetensors: the weights are truncated"), "{length}");
        }
        std::fs::write(&weights, &whole).unwrap();
        assert!(load_network(&stem).is_ok());
        let metadata = folder.path().join("teacher.json");
        let text = std::fs::read_to_string(&metadata).unwrap();
        std::fs::write(&metadata, text.replace("\"seed\"", "\"sed\"")).unwrap();
        assert!(refusal().contains("teacher.json: not a network's description: unknown field `sed`"));
        std::fs::write(&metadata, text.replace("\"format\": 1", "\"format\": 2")).unwrap();
        assert!(refusal().contains("format 2 is not 1"));
        std::fs::write(&metadata, text.replace('6', "7")).unwrap();
        assert!(refusal().contains("truncated, damaged or of another network"));
        std::fs::write(&metadata, text.replace('6', "0")).unwrap();
        assert!(refusal().contains("the width of a hidden layer is 0"));
        std::fs::remove_file(&weights).unwrap();
        std::fs::write(&metadata, text).unwrap();
        assert!(refusal().contains("teacher.safetensors: cannot be read"));
    }

    #[test]
    fn weights_that_are_not_finite_and_changed_headers_are_refused_without_a_panic() {
        let folder = tempfile::tempdir().unwrap();
        let stem = folder.path().join("teacher");
        save_network(&mlp(), &stem).unwrap();
        let weights = folder.path().join("teacher.safetensors");
        let whole = std::fs::read(&weights).unwrap();
        let mut infinite = whole.clone();
        let last = infinite.len() - 4;
        infinite[last..].copy_from_slice(&f32::INFINITY.to_le_bytes());
        std::fs::write(&weights, infinite).unwrap();
        assert!(load_network(&stem).unwrap_err().to_string().contains("a weight is not finite"));
        let header = whole.len() - 4 * mlp().weights().len();
        for place in 0..header {
            let mut damaged = whole.clone();
            damaged[place] ^= 1;
            std::fs::write(&weights, damaged).unwrap();
            // A changed byte may hit what nobody reads (the producer's name); it must not crash or change a weight.
            if let Ok(network) = load_network(&stem) {
                let (mut found, mut saved) = (bits(&network), bits(&mlp()));
                found.sort_unstable();
                saved.sort_unstable();
                assert_eq!(found, saved, "byte {place}");
            }
        }
    }

    /// Returns a safetensors file as another program writes it.
    fn foreign(tensors: &[(&str, &[usize], Vec<f32>)]) -> Vec<u8> {
        let (mut header, mut data) = (serde_json::Map::new(), Vec::new());
        for (name, shape, values) in tensors {
            let from = data.len();
            data.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            let about =
                serde_json::json!({ "dtype": "F32", "shape": shape, "data_offsets": [from, data.len()] });
            header.insert((*name).to_owned(), about);
        }
        let header = serde_json::to_vec(&header).unwrap();
        [&(header.len() as u64).to_le_bytes()[..], &header, &data].concat()
    }

    #[test]
    fn weights_of_another_program_and_of_ours_become_the_same_first_weights() {
        let folder = tempfile::tempdir().unwrap();
        let config = NetworkConfig::Mlp(MlpConfig { hidden: vec![2] });
        let schema = InstanceSchema::new(InstanceKind::Table, vec![3]).unwrap();
        let import = |path: &Path| import_weights(path, &config, &schema, 2);
        // Two hidden units of three inputs each, as PyTorch lays them out: one unit after the other.
        let hidden = vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let parts = [
            ("linears.0.weight", &[2, 3][..], hidden),
            ("linears.0.bias", &[2], vec![0.5, -0.5]),
            ("linears.1.weight", &[2, 2], vec![7.0, 8.0, 9.0, 10.0]),
            ("linears.1.bias", &[2], vec![0.0, 1.0]),
        ];
        let path = folder.path().join("torch.safetensors");
        std::fs::write(&path, foreign(&parts)).unwrap();
        let theirs = import(&path).unwrap();
        // Here a weight lies with its input: the first input's weights to both units come first.
        let wanted = [1.0, 4.0, 2.0, 5.0, 3.0, 6.0, 0.5, -0.5, 7.0, 9.0, 8.0, 10.0, 0.0, 1.0];
        assert_eq!(theirs.values(), wanted);
        let plan = config.plan(&schema, 2).unwrap();
        let layers = Layers::new(&plan, &mut seeds::generator("test", 0, 0), &Device::flex());
        let layers = layers.with_weights(&wanted, &Device::flex());
        let network = Network { layers, config: config.clone(), schema: schema.clone(), classes: 2, seed: 0 };
        save_network(&network, &folder.path().join("ours")).unwrap();
        assert_eq!(import(&folder.path().join("ours.safetensors")).unwrap().values(), theirs.values());

        let refusal = |tensors: &[(&str, &[usize], Vec<f32>)]| {
            std::fs::write(&path, foreign(tensors)).unwrap();
            import(&path).unwrap_err().to_string()
        };
        let mut renamed = parts.clone();
        renamed[3].0 = "head.bias";
        let error = refusal(&renamed);
        assert!(error.contains("missing are Mlp.linears.1.bias; unknown are Mlp.head.bias"), "{error}");
        let mut turned = parts.clone();
        turned[0].1 = &[3, 2];
        assert!(refusal(&turned).contains("not the weights of this network"));
        let mut infinite = parts;
        infinite[1].2[0] = f32::NAN;
        assert!(refusal(&infinite).contains("a weight is not finite"));
        std::fs::write(&path, [0xff; 70]).unwrap();
        assert!(import(&path).is_err());
    }
}
