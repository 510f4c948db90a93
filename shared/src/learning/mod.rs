//! Learning: datasets, sharding, networks and training; the only door to burn.
