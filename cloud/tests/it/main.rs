//! The embedded cloud through the wire, by the real SDK wherever it has the operation.

mod support;

mod wire;
