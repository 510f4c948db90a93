//! A plan is settled once, and recipes suit their data.
