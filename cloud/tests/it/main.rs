//! The embedded cloud through the wire, by the real SDK wherever it has the operation.

mod stage;
mod support;

mod cloudwatch;
mod dynamodb;
mod ecr;
mod ecs_properties;
mod ecs_refusals;
mod ecs_rollouts;
mod ecs_sdk;
mod ecs_starts;
mod iam;
mod keeping;
mod logs;
mod preload;
mod secrets;
mod wire;
