//! All integration tests, one binary; each module reads as a list of promises.

mod cli;
mod corpus;
mod harness;
mod operator_faults;
mod operator_scenarios;
mod plan;
mod sample;
mod spec_generators;
mod spec_properties;
mod support_schema;
mod tidy;
