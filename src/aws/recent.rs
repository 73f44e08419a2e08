//! Read your writes: AWS may show for a while what was before a write. Such a read is `Unknown`, not a reason to write again.
//!
//! A read is taken for older than our write only if it shows exactly what was seen before the write, in a field that was
//! written. Anything else is somebody else's change, and is shown at once.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::observed::Seen;

/// How long an old read is put down to eventual consistency. ECS and IAM mostly show a write within seconds; after a
/// minute, what is seen is taken for true, or a repair would never come.
const VISIBLE_WITHIN: Duration = Duration::from_secs(60);
/// How long an old read is still put down to it once our write was seen: another of AWS's replicas may lag behind by some
/// seconds. After that, the value from before means that somebody, such as ECS's circuit breaker, went back to it.
const LAGGING: Duration = Duration::from_secs(10);
/// What people read about it.
const NOT_VISIBLE: &str = "what was just written is not visible yet";

/// Fields by name; `None` where a write removes one.
pub(super) type Written = BTreeMap<String, Option<Value>>;
type Fields = BTreeMap<String, Value>;

/// What was written lately, and what was seen before it.
#[derive(Debug, Default)]
pub(super) struct Recent {
    things: Mutex<BTreeMap<String, Thing>>,
}

#[derive(Debug, Default)]
struct Thing {
    /// `None` before the first look; `Some(None)` if it was not there.
    seen: Option<Option<Fields>>,
    writes: Vec<Write>,
}

#[derive(Debug)]
struct Write {
    until: Duration,
    written: Written,
    before: Option<Fields>,
}

impl Recent {
    /// Notes a write that AWS took at `now` (or, with `doubt`, may have taken and will have settled by then).
    pub(super) fn note(&self, key: &str, written: Written, now: Duration, doubt: Option<Duration>) {
        self.with(key, |thing| {
            let Some(before) = thing.seen.clone() else { return };
            for write in &mut thing.writes {
                write.written.retain(|field, _| !written.contains_key(field));
            }
            thing.writes.push(Write { until: now + doubt.unwrap_or(VISIBLE_WITHIN), written, before });
        });
    }

    /// What to make of a read: itself, or `Unknown` if it is older than our own write.
    pub(super) fn settle<T: Serialize>(&self, key: &str, read: Seen<T>, now: Duration) -> Seen<T> {
        let live = match &read {
            Seen::Unknown(_) => return read,
            Seen::Absent => None,
            Seen::Present(value) => Some(fields(value)),
        };
        let stale = self.with(key, |thing| {
            thing.writes.retain(|write| write.until > now);
            let stale = thing.writes.iter().any(|write| write.is_newer_than(live.as_ref()));
            if !stale {
                thing.confirm(live.as_ref(), now + LAGGING);
                thing.seen = Some(live);
            }
            stale
        });
        if stale { Seen::Unknown(NOT_VISIBLE.to_owned()) } else { read }
    }

    fn with<T>(&self, key: &str, act: impl FnOnce(&mut Thing) -> T) -> T {
        let mut things = self.things.lock().unwrap_or_else(PoisonError::into_inner);
        match things.get_mut(key) {
            Some(thing) => act(thing),
            None => act(things.entry(key.to_owned()).or_default()),
        }
    }
}

impl Thing {
    /// Writes that are visible now need not be waited for much longer.
    fn confirm(&mut self, live: Option<&Fields>, until: Duration) {
        let Some(live) = live else { return };
        for write in &mut self.writes {
            if write.written.iter().all(|(field, written)| live.get(field) == written.as_ref()) {
                write.until = write.until.min(until);
            }
        }
    }
}

impl Write {
    fn is_newer_than(&self, live: Option<&Fields>) -> bool {
        let Some(live) = live else { return self.before.is_none() };
        self.written.iter().any(|(field, written)| {
            let before = self.before.as_ref().and_then(|before| before.get(field));
            let live = live.get(field);
            live != written.as_ref() && live == before
        })
    }
}

/// What a live thing shows that can be written. Tags and policies count one by one; what only AWS changes is left out.
fn fields<T: Serialize>(value: &T) -> Fields {
    let Ok(Value::Object(members)) = serde_json::to_value(value) else { return Fields::new() };
    let mut fields = Fields::new();
    for (name, value) in members {
        match (name.as_str(), value) {
            ("events" | "rollouts" | "running_count" | "pending_count" | "arn", _) | (_, Value::Null) => {}
            ("tags" | "policies", Value::Object(items)) => insert_items(&mut fields, &name, items),
            (_, value) => {
                fields.insert(name, value);
            }
        }
    }
    fields
}

fn insert_items(fields: &mut Fields, name: &str, items: Map<String, Value>) {
    fields.extend(items.into_iter().map(|(key, value)| (format!("{name}.{key}"), value)));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const KEY: &str = "service/dev/dev-test-agent";

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn count(count: u32) -> Seen<Value> {
        Seen::Present(json!({ "desired_count": count, "running_count": 7, "tags": {} }))
    }

    fn written(count: u32) -> Written {
        Written::from([("desired_count".to_owned(), Some(json!(count)))])
    }

    #[test]
    fn a_missing_thing_that_was_just_made_is_unknown_for_a_minute() {
        let recent = Recent::default();
        recent.settle::<Value>(KEY, Seen::Absent, seconds(0));
        recent.note(KEY, Written::new(), seconds(1), None);
        assert!(recent.settle::<Value>(KEY, Seen::Absent, seconds(2)).unknown().is_some());
        assert!(recent.settle::<Value>(KEY, Seen::Absent, seconds(60)).unknown().is_some());
        assert!(recent.settle::<Value>(KEY, Seen::Absent, seconds(61)).is_absent());
    }

    #[test]
    fn the_value_before_our_write_is_unknown_and_any_other_is_shown() {
        let recent = Recent::default();
        recent.settle(KEY, count(1), seconds(0));
        recent.note(KEY, written(3), seconds(1), None);
        assert!(recent.settle(KEY, count(1), seconds(2)).unknown().is_some());
        assert!(recent.settle(KEY, count(5), seconds(3)).present().is_some());
        assert!(recent.settle(KEY, count(3), seconds(4)).present().is_some());
        assert!(recent.settle(KEY, count(1), seconds(5)).unknown().is_some(), "another replica of AWS lags behind");
        assert!(recent.settle(KEY, count(1), seconds(14)).present().is_some(), "somebody went back to it");
    }

    #[test]
    fn a_write_that_is_never_seen_is_waited_for_a_minute_and_no_longer() {
        let recent = Recent::default();
        recent.settle(KEY, count(1), seconds(0));
        recent.note(KEY, written(3), seconds(1), None);
        assert!(recent.settle(KEY, count(1), seconds(60)).unknown().is_some());
        assert!(recent.settle(KEY, count(1), seconds(61)).present().is_some());
    }

    #[test]
    fn a_write_back_to_an_earlier_value_is_not_mistaken_for_an_old_read() {
        let recent = Recent::default();
        recent.settle(KEY, count(1), seconds(0));
        recent.note(KEY, written(3), seconds(1), None);
        recent.settle(KEY, count(3), seconds(2));
        recent.note(KEY, written(1), seconds(3), None);
        assert!(recent.settle(KEY, count(3), seconds(4)).unknown().is_some());
        assert!(recent.settle(KEY, count(1), seconds(5)).present().is_some());
    }

    #[test]
    fn a_thing_that_somebody_deletes_after_our_update_is_absent_at_once() {
        let recent = Recent::default();
        recent.settle(KEY, count(1), seconds(0));
        recent.note(KEY, written(3), seconds(1), None);
        assert!(recent.settle::<Value>(KEY, Seen::Absent, seconds(2)).is_absent());
    }

    #[test]
    fn a_call_in_doubt_is_waited_for_only_until_it_has_settled() {
        let recent = Recent::default();
        recent.settle::<Value>(KEY, Seen::Absent, seconds(0));
        recent.note(KEY, Written::new(), seconds(1), Some(seconds(20)));
        assert!(recent.settle::<Value>(KEY, Seen::Absent, seconds(20)).unknown().is_some());
        assert!(recent.settle::<Value>(KEY, Seen::Absent, seconds(21)).is_absent());
    }

    #[test]
    fn tags_and_policies_count_one_by_one() {
        let recent = Recent::default();
        let tagged = |value: &str| Seen::Present(json!({ "tags": { "a": "1", "b": value } }));
        recent.settle(KEY, tagged("1"), seconds(0));
        recent.note(KEY, Written::from([("tags.b".to_owned(), Some(json!("2")))]), seconds(1), None);
        assert!(recent.settle(KEY, tagged("1"), seconds(2)).unknown().is_some());
        assert!(recent.settle(KEY, tagged("2"), seconds(2)).present().is_some());
        let removal = Written::from([("tags.a".to_owned(), None)]);
        recent.note(KEY, removal, seconds(3), None);
        assert!(recent.settle(KEY, tagged("2"), seconds(4)).unknown().is_some());
        assert!(recent.settle(KEY, Seen::Present(json!({ "tags": { "b": "2" } })), seconds(5)).present().is_some());
    }

    #[test]
    fn a_failed_read_stays_what_it_is() {
        let recent = Recent::default();
        recent.note(KEY, Written::new(), seconds(1), None);
        let read = recent.settle::<Value>(KEY, Seen::Unknown("throttled".to_owned()), seconds(2));
        assert_eq!(read, Seen::Unknown("throttled".to_owned()));
    }
}
