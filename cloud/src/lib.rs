//! The embedded cloud: the part of AWS that Ropewalk talks to, at the wire.
//!
//! It is a peer, not a mock: a request in, a response out. What people see is derived, never set: counts, rollout
//! states and events come from tasks, alarm states from datapoints.
//!
//! ```text
//!   loopback server ─┐
//!                    ├─▶ wire (protocols) ─▶ World ─▶ ecs, ecr, iam, logs, …
//!   in-process client┘        one per account and region, on one clock
//! ```

pub mod admin;
pub mod behaviour;
pub mod clock;
mod cloud;
mod paging;
mod service;
mod tags;
mod wildcard;
mod world;

mod client;
mod persistence;
mod server;
mod wire;

mod cloudwatch;
mod dynamodb;
mod ecr;
mod ecs;
mod iam;
mod logs;
mod network;
mod secretsmanager;
mod sts;

pub use cloud::{Broken, Cloud, OpenError, Settings};
