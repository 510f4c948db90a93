//! The coordinator's own settings: flags over `HOME/coordinator.toml` over defaults.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;

use crate::tls::Pair;

/// What `coordinator.toml` may hold; unknown keys are refused.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSettings {
    /// Address to listen on.
    pub listen: Option<SocketAddr>,
    /// Threads of the tally; all cores by default.
    pub threads: Option<usize>,
    /// How long trustees may take to open a round, such as "1h"; they always have four times as long as its tally took.
    pub opening_window: Option<String>,
    /// After which silence an agent counts as offline, such as "30s".
    pub online_within: Option<String>,
    /// Largest body of an upload in bytes.
    pub largest_upload: Option<usize>,
    /// Largest blob that is uploaded in parts, in bytes.
    pub largest_blob: Option<u64>,
    /// How long several trustees are waited for.
    #[serde(default)]
    pub trustees: TrusteesSettings,
    /// The certificate to serve; that of `tls init` by default.
    pub tls: Option<TlsSettings>,
    /// Allows plain HTTP on an address that other machines can reach.
    #[serde(default)]
    pub insecure_http: bool,
}

/// The table `[trustees]`: how long a tally of several trustees waits for them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrusteesSettings {
    /// How long they may take to tally a step of a round before it fails, such as "7d".
    pub patience: Option<String>,
    /// After which silence the turn goes to the next group of three among four trustees, such as "15m".
    pub turn: Option<String>,
}

/// The table `[tls]`; paths are relative to the data folder.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsSettings {
    /// The server's certificate and those above it (PEM).
    pub certificate: PathBuf,
    /// Its private key (PEM).
    pub key: PathBuf,
}

/// What the service runs with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Address to listen on.
    pub listen: SocketAddr,
    /// Threads of the tally.
    pub threads: usize,
    /// How long trustees may take to open a round; they always have four times as long as its tally took.
    pub opening_window: Duration,
    /// How long several trustees may take to tally a step of a round before it fails.
    pub patience: Duration,
    /// After which silence the turn goes to the next group of trustees; no longer than the patience.
    pub turn: Duration,
    /// After which silence an agent counts as offline.
    pub online_within: Duration,
    /// Largest body of an upload in bytes.
    pub largest_upload: usize,
    /// Largest blob that is uploaded in parts, in bytes.
    pub largest_blob: u64,
    /// The certificate to serve; plain HTTP without one.
    pub tls: Option<Pair>,
    /// Whether plain HTTP is spoken on an address that other machines can reach.
    pub insecure_http: bool,
}

/// What is wrong with the settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("{path}: {detail}")]
    File {
        /// The file.
        path: String,
        /// What is wrong with it.
        detail: String,
    },
    /// A duration cannot be understood.
    #[error(
        "{name} = \"{value}\" is not a duration above zero: write for example \"10m\", \"90s\", \"1h 30m\" or \"7d\""
    )]
    Duration {
        /// Setting or flag.
        name: &'static str,
        /// Value found.
        value: String,
    },
    /// No turn would ever end.
    #[error(
        "turn = {turn:?} is longer than patience = {patience:?}: the round would fail before any turn ended"
    )]
    Turn {
        /// The turn.
        turn: Duration,
        /// The patience.
        patience: Duration,
    },
    /// The address can be reached from outside.
    #[error(
        "listen = {0} is not a loopback address, and there is no certificate: run `coordinator tls init --name HOST`, \
         or give [tls] certificate and key, or put a TLS proxy in front and listen on 127.0.0.1; only for a closed \
         test network set insecure_http = true"
    )]
    PlainHttp(SocketAddr),
    /// No thread would work.
    #[error("threads = 0 leaves nobody to tally: use at least 1")]
    Threads,
}

const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 7400);
const DEFAULT_OPENING_WINDOW: Duration = Duration::from_secs(3600);
const DEFAULT_PATIENCE: Duration = Duration::from_secs(7 * 24 * 3600);
const DEFAULT_TURN: Duration = Duration::from_secs(15 * 60);
const DEFAULT_ONLINE_WITHIN: Duration = Duration::from_secs(30);
/// Largest body of an upload in bytes, unless `coordinator.toml` says otherwise.
pub(crate) const DEFAULT_LARGEST_UPLOAD: usize = 512 << 20;
const DEFAULT_LARGEST_BLOB: u64 = 1 << 30;

/// Parses a duration such as "10m", "1h 30m" or "7d", a day having 24 hours; zero and less is refused.
pub fn duration(name: &'static str, text: &str) -> Result<Duration, SettingsError> {
    let of_days = |span: jiff::Span| span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).ok();
    let parsed = text.parse().ok().and_then(of_days).and_then(|span| Duration::try_from(span).ok());
    let value = || text.chars().take(40).collect();
    parsed.filter(|span| !span.is_zero()).ok_or_else(|| SettingsError::Duration { name, value: value() })
}

impl FileSettings {
    /// Reads the file if it is there.
    pub fn load(path: &Path) -> Result<Self, SettingsError> {
        let failed = |detail: String| SettingsError::File { path: path.display().to_string(), detail };
        match std::fs::read_to_string(path) {
            Ok(text) => toml::from_str(&text).map_err(|e| failed(e.to_string())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(failed(error.to_string())),
        }
    }

    /// Takes each value from here, or else from `lower`.
    pub fn over(self, lower: Self) -> Self {
        Self {
            listen: self.listen.or(lower.listen),
            threads: self.threads.or(lower.threads),
            opening_window: self.opening_window.or(lower.opening_window),
            online_within: self.online_within.or(lower.online_within),
            largest_upload: self.largest_upload.or(lower.largest_upload),
            largest_blob: self.largest_blob.or(lower.largest_blob),
            trustees: TrusteesSettings {
                patience: self.trustees.patience.or(lower.trustees.patience),
                turn: self.trustees.turn.or(lower.trustees.turn),
            },
            tls: self.tls.or(lower.tls),
            insecure_http: self.insecure_http || lower.insecure_http,
        }
    }

    /// Returns everything that is wrong, each setting by itself.
    pub fn errors(self, home: &Path) -> Vec<SettingsError> {
        let none = Self::default;
        let FileSettings { listen, threads, opening_window, online_within, trustees, .. } = self.clone();
        [
            Self { listen, tls: self.tls, insecure_http: self.insecure_http, ..none() },
            Self { threads, ..none() },
            Self { opening_window, ..none() },
            Self { online_within, ..none() },
            Self { trustees, ..none() },
        ]
        .into_iter()
        .filter_map(|one| one.settle(home).err())
        .collect()
    }

    /// Fills in the defaults for a data folder and checks the result.
    pub fn settle(self, home: &Path) -> Result<Settings, SettingsError> {
        let span = |name, text: Option<String>, default| text.map_or(Ok(default), |t| duration(name, &t));
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let mut settings = Settings {
            listen: self.listen.unwrap_or(DEFAULT_LISTEN),
            threads: self.threads.unwrap_or(cores),
            opening_window: span("opening_window", self.opening_window, DEFAULT_OPENING_WINDOW)?,
            patience: span("trustees.patience", self.trustees.patience, DEFAULT_PATIENCE)?,
            turn: span("trustees.turn", self.trustees.turn, DEFAULT_TURN)?,
            online_within: span("online_within", self.online_within, DEFAULT_ONLINE_WITHIN)?,
            largest_upload: self.largest_upload.unwrap_or(DEFAULT_LARGEST_UPLOAD),
            largest_blob: self.largest_blob.unwrap_or(DEFAULT_LARGEST_BLOB),
            tls: match self.tls {
                Some(TlsSettings { certificate, key }) => {
                    Some(Pair { certificate: home.join(certificate), key: home.join(key) })
                }
                None => Pair::own(home),
            },
            insecure_http: self.insecure_http,
        };
        settings.insecure_http &= settings.tls.is_none();
        if settings.threads == 0 {
            return Err(SettingsError::Threads);
        }
        if settings.turn > settings.patience {
            let Settings { turn, patience, .. } = settings;
            return Err(SettingsError::Turn { turn, patience });
        }
        if !settings.listen.ip().is_loopback() && settings.tls.is_none() && !self.insecure_http {
            return Err(SettingsError::PlainHttp(settings.listen));
        }
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_others_reach_needs_the_insecure_name() -> anyhow::Result<()> {
        let open: FileSettings = toml::from_str("listen = \"0.0.0.0:7400\"")?;
        assert!(matches!(open.settle(Path::new(".")), Err(SettingsError::PlainHttp(_))));
        let named: FileSettings = toml::from_str("listen = \"0.0.0.0:7400\"\ninsecure_http = true")?;
        assert!(named.settle(Path::new(".")).is_ok());
        let safe: FileSettings =
            toml::from_str("listen = \"0.0.0.0:7400\"\n[tls]\ncertificate = \"c.pem\"\nkey = \"/k.pem\"")?;
        let settled = safe.settle(Path::new("/home"))?;
        let pair = Pair { certificate: "/home/c.pem".into(), key: "/k.pem".into() };
        assert_eq!(settled.tls, Some(pair), "relative to the data folder");
        Ok(())
    }

    #[test]
    fn unknown_keys_and_wrong_durations_are_named() -> anyhow::Result<()> {
        assert!(toml::from_str::<FileSettings>("listn = \"127.0.0.1:1\"").is_err());
        let wrong: FileSettings = toml::from_str("opening_window = \"soon\"")?;
        let message = wrong.settle(Path::new(".")).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(message.starts_with("opening_window = \"soon\" is not a duration"), "{message}");
        assert_eq!(duration("window", "10m")?, Duration::from_secs(600));
        assert_eq!(duration("window", "1w 2d 1h 30m")?, Duration::from_secs((9 * 24 + 1) * 3600 + 1800));
        assert!(duration("window", "-1h").is_err() && duration("window", "1mo").is_err());
        assert!(duration("window", "0s").is_err());
        Ok(())
    }

    #[test]
    fn a_tally_of_several_trustees_waits_as_long_as_it_says() -> anyhow::Result<()> {
        let settle = |text: &str| -> anyhow::Result<_> {
            Ok(toml::from_str::<FileSettings>(text)?.settle(Path::new(".")).map_err(|e| e.to_string()))
        };
        let usual = settle("")?.map_err(anyhow::Error::msg)?;
        assert_eq!((usual.patience, usual.turn), (Duration::from_secs(604_800), Duration::from_secs(900)));
        let own = settle("[trustees]\npatience = \"2d\"\nturn = \"1m\"")?.map_err(anyhow::Error::msg)?;
        assert_eq!((own.patience, own.turn), (Duration::from_secs(172_800), Duration::from_secs(60)));
        let endless = settle("[trustees]\npatience = \"1m\"")?.err().unwrap_or_default();
        assert!(endless.contains("turn = 900s is longer than patience = 60s"), "{endless}");
        let wrong = settle("[trustees]\nturn = \"0s\"")?.err().unwrap_or_default();
        assert!(wrong.starts_with("trustees.turn = \"0s\" is not a duration"), "{wrong}");
        assert!(settle("corroboration_window = \"10m\"").is_err(), "it is gone");
        Ok(())
    }
}
