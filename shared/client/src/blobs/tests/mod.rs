//! Blobs against servers that break off, lie, and lose count.

mod download;
mod upload;
