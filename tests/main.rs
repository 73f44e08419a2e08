//! All integration tests, one binary; each module reads as a list of promises.

mod aws_faults;
mod aws_motion;
mod aws_rest;
mod aws_round_trip;
mod aws_support;
mod cli;
mod corpus;
mod harness;
mod ledger;
mod ledger_faults;
mod operator_faults;
mod operator_scenarios;
mod plan;
mod sample;
mod spec_generators;
mod spec_properties;
mod support_schema;
mod tidy;
