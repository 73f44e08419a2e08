//! The real binary, as a person or a pipeline runs it.

mod offline;
mod support;
mod up;
