//! Ropewalk keeps AI agents on Amazon ECS as git says.

pub mod names;
pub mod spec;
