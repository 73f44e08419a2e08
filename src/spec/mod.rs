//! What was written.

pub mod model;
pub mod units;
