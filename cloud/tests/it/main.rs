//! The embedded cloud through the wire, by the real SDK wherever it has the operation.

mod stage;
mod support;

mod ecs_properties;
mod ecs_refusals;
mod ecs_rollouts;
mod ecs_sdk;
mod ecs_starts;
mod keeping;
mod wire;
