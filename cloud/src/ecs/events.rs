//! A service's events.

use super::service::{Event, Service};
use crate::world::World;

/// DescribeServices shows the last hundred.
const KEPT: usize = 100;

/// Adds `(service <name>) <text>`.
pub(super) fn add(service: &mut Service, world: &mut World, text: String) {
    let message = format!("(service {}) {text}", service.name);
    service.events.push_front(Event { id: world.ids.uuid(), at: world.now, message });
    service.events.truncate(KEPT);
}

/// `(task a) (task b)`, as events name tasks.
pub(super) fn tasks(ids: &[String]) -> String {
    ids.iter().map(|id| format!("(task {id})")).collect::<Vec<_>>().join(" ")
}
