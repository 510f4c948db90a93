//! The cache of tally keys: loaded for a tally, kept for the next one, freed when nobody used them for a while.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use base::ids::Digest;
use protocol::{
    federation::{FederationConfig, KeyCertificate},
    transcript::{RecomputeError, TallyKeys},
};
use tokio::sync::Mutex;

use crate::storage::Blobs;
use runtime::{Pool, PoolError};

/// How long keys stay in memory after their last use: some 130 MB.
const IDLE: Duration = Duration::from_secs(60);

/// Why the tally keys cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum KeyCacheError {
    /// They are missing, damaged, or not what the certificate says.
    #[error("the published keys cannot be used: {0}")]
    Keys(#[from] RecomputeError),
    /// Loading them was stopped, or panicked.
    #[error(transparent)]
    Pool(#[from] PoolError),
}

#[derive(Debug)]
struct Cached {
    certificate: Digest,
    keys: Arc<TallyKeys>,
    used: Instant,
}

/// The tally keys that were used last.
#[derive(Debug, Default)]
pub struct KeyCache {
    cached: Mutex<Option<Cached>>,
}

impl KeyCache {
    /// Returns the keys of a certificate; the first call loads them on the pool.
    pub async fn get(
        &self,
        certificate: &KeyCertificate,
        config: &FederationConfig,
        blobs: &Blobs,
        pool: &Pool,
    ) -> Result<Arc<TallyKeys>, KeyCacheError> {
        let digest = certificate.digest();
        let mut cached = self.cached.lock().await;
        if let Some(cached) = cached.as_mut().filter(|cached| cached.certificate == digest) {
            cached.used = Instant::now();
            return Ok(Arc::clone(&cached.keys));
        }
        // Two federations' keys never lie side by side.
        *cached = None;
        let (certificate, config, blobs) = (certificate.clone(), config.clone(), blobs.clone());
        let keys = pool.run(move || TallyKeys::load(&certificate, &config, &blobs)).await??;
        let keys = Arc::new(keys);
        *cached = Some(Cached { certificate: digest, keys: Arc::clone(&keys), used: Instant::now() });
        Ok(keys)
    }

    /// Frees keys that nobody has used for a minute; the conductor asks at every look around.
    pub fn free_idle(&self) {
        // Whoever holds the lock is loading keys or taking them.
        let Ok(mut cached) = self.cached.try_lock() else { return };
        let is_idle = |cached: &Cached| Arc::strong_count(&cached.keys) == 1 && cached.used.elapsed() >= IDLE;
        if cached.as_ref().is_some_and(is_idle) {
            *cached = None;
            tracing::debug!("tally keys freed");
        }
    }
}
