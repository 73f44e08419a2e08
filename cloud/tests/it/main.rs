//! The embedded cloud through the wire, by the real SDK wherever it has the operation.

mod support;

mod cloudwatch;
mod dynamodb;
mod ecr;
mod iam;
mod logs;
mod preload;
mod secrets;
mod wire;
