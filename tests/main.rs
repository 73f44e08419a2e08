//! All integration tests, one binary; each module reads as a list of promises.

mod corpus;
mod spec_generators;
mod spec_properties;
mod support_schema;
