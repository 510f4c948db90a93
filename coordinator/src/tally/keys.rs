//! The cache of evaluation keys: decompressed once, kept for the next tally.

use std::sync::Arc;

use shared::{
    federation::KeyCertificate,
    fhe::{EvaluationKeys, KeyError, Transform},
    ids::Digest,
};
use tokio::sync::Mutex;

use super::{Pool, PoolStopped};
use crate::storage::{Blobs, StorageError};

/// Says why the evaluation keys cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum KeyCacheError {
    /// A blob is missing or damaged.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The keys are not what the certificate says.
    #[error("the published keys cannot be used: {0}")]
    Keys(#[from] KeyError),
    /// The computation was stopped.
    #[error(transparent)]
    Stopped(#[from] PoolStopped),
}

/// Holds the evaluation keys that were used last.
#[derive(Debug, Default)]
pub struct KeyCache {
    cached: Mutex<Option<(Digest, Arc<EvaluationKeys>)>>,
}

impl KeyCache {
    /// Returns the evaluation keys of a certificate; the first call decompresses them on the pool.
    pub async fn get(
        &self,
        certificate: &KeyCertificate,
        blobs: &Blobs,
        pool: &Pool,
    ) -> Result<Arc<EvaluationKeys>, KeyCacheError> {
        let digest = certificate.digest();
        let mut cached = self.cached.lock().await;
        if let Some((of, keys)) = cached.as_ref()
            && *of == digest
        {
            return Ok(Arc::clone(keys));
        }
        let keyswitching = blobs.get(certificate.keyswitching_key).await?;
        let bootstrapping = blobs.get(certificate.bootstrapping_key).await?;
        let parameters = certificate.parameters;
        let load = move || {
            EvaluationKeys::from_parts(&keyswitching, &bootstrapping, parameters, Transform::default())
        };
        let keys = Arc::new(pool.run(load).await??);
        *cached = Some((digest, Arc::clone(&keys)));
        Ok(keys)
    }
}
