//! Ropewalk keeps AI agents on Amazon ECS as git says.
//!
//! ```text
//! spec ─▶ resources ─▶ plan ─▶ aws/execute
//!            ▲           ▲  └─▶ ledger (intent first)
//!   image digest     observed ◀─ aws/observe
//! ```
//!
//! The modules stand in reading order; each uses only those above it. `names` to `status` are pure.

pub mod names;
pub mod spec;
pub mod observed;
pub mod resources;
pub mod ledger;
pub mod plan;
pub mod status;
pub mod aws;
pub mod operator;
pub mod cli;
