//! Large artefacts, which come in parts.

use serde::{Deserialize, Serialize};

/// Most bytes of one part of an upload; every part but the last has so many.
pub const UPLOAD_CHUNK: usize = 8 << 20;

/// Header that carries the digest of a blob in the answer.
pub const DIGEST_HEADER: &str = "x-psephos-digest";

/// `GET /blobs/{digest}/upload` and `PUT /blobs/{digest}/upload/{offset}`: how far an upload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct UploadView {
    /// Bytes that are there; the next part begins at this offset.
    pub received: u64,
    /// Whether the blob is stored whole and has its digest, so that nothing is to be sent.
    pub complete: bool,
}
