//! The embedded cloud through the wire, by the real SDK wherever it has the operation.

mod stage;
mod support;

mod ecs_rollouts;
mod wire;
