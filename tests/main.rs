//! All integration tests, one binary; each module reads as a list of promises.

mod plan;
mod sample;
mod tidy;
mod corpus;
mod harness;
mod operator_faults;
mod operator_scenarios;
