//! The pure core against a small model of AWS: what a plan does, and that doing it leaves nothing to do.

mod holds;
mod model;
mod properties;
mod steps;
