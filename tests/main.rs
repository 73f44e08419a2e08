//! All integration tests, one binary; each module reads as a list of promises.

mod aws_faults;
mod aws_motion;
mod aws_round_trip;
mod aws_rest;
mod aws_support;
mod ledger;
mod ledger_faults;
mod plan;
mod sample;
mod tidy;
