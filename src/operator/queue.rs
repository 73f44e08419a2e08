//! Which agents are due. A pure structure: whoever holds it says what time it is, as the time since its clock began, which
//! never runs backwards.
//!
//! A wake carries no data: the pass that it causes reads the world anew. So wakes may be merged freely.

use std::collections::BTreeMap;
use std::time::Duration;

/// Keys with the time at which each is due. A key that runs is never handed out a second time; of two wakes the earlier
/// one wins; who is due for longest comes first, so nobody waits for ever.
#[derive(Clone, Debug)]
pub struct Queue<K> {
    places: BTreeMap<K, Place>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Waiting { wake: Duration },
    Running { again: Option<Duration> },
}

impl<K> Default for Queue<K> {
    fn default() -> Self {
        Self { places: BTreeMap::new() }
    }
}

impl<K: Ord + Clone> Queue<K> {
    /// Makes a key due at `at`, or earlier if it already is. While it runs the wake is kept for afterwards.
    pub fn wake(&mut self, key: K, at: Duration) {
        let place = self.places.entry(key).or_insert(Place::Waiting { wake: at });
        *place = match *place {
            Place::Waiting { wake } => Place::Waiting { wake: wake.min(at) },
            Place::Running { again } => Place::Running { again: earlier(again, Some(at)) },
        };
    }

    /// Hands out what is due, longest first, at most `limit` keys. Each is running until [`Self::done`].
    pub fn take(&mut self, now: Duration, limit: usize) -> Vec<K> {
        let mut due: Vec<(Duration, K)> = self.waiting().filter(|(wake, _)| *wake <= now).collect();
        due.sort();
        due.truncate(limit);
        for (_, key) in &due {
            self.places.insert(key.clone(), Place::Running { again: None });
        }
        due.into_iter().map(|(_, key)| key).collect()
    }

    /// A key's run is over; it is due again at `next`, or at the earlier wake that came meanwhile.
    pub fn done(&mut self, key: &K, next: Option<Duration>) {
        if let Some(Place::Running { again }) = self.places.remove(key)
            && let Some(wake) = earlier(again, next)
        {
            self.places.insert(key.clone(), Place::Waiting { wake });
        }
    }

    /// When the next key is due, of those that do not run.
    pub fn next_wake(&self) -> Option<Duration> {
        self.waiting().map(|(wake, _)| wake).min()
    }

    fn waiting(&self) -> impl Iterator<Item = (Duration, K)> {
        self.places.iter().filter_map(|(key, place)| match place {
            Place::Waiting { wake } => Some((*wake, key.clone())),
            Place::Running { .. } => None,
        })
    }
}

fn earlier(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    one.into_iter().chain(other).min()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    fn at(second: u64) -> Duration {
        Duration::from_secs(second)
    }

    #[test]
    fn the_earlier_of_two_wakes_wins_in_either_order() {
        for (first, second) in [(10, 20), (20, 10)] {
            let mut queue = Queue::default();
            queue.wake("a", at(first));
            queue.wake("a", at(second));
            assert_eq!(queue.next_wake(), Some(at(10)));
            assert_eq!(queue.take(at(30), 9), ["a"], "it is handed out once, not twice");
        }
    }

    #[test]
    fn a_wake_during_a_run_is_served_after_it() {
        let mut queue = Queue::default();
        queue.wake("a", at(0));
        assert_eq!(queue.take(at(0), 9), ["a"]);
        queue.wake("a", at(1));
        assert!(queue.take(at(5), 9).is_empty(), "it still runs");
        queue.done(&"a", Some(at(60)));
        assert_eq!(queue.take(at(5), 9), ["a"]);
    }

    #[test]
    fn who_is_due_for_longest_comes_first() {
        let mut queue = Queue::default();
        queue.wake("a", at(3));
        queue.wake("b", at(1));
        queue.wake("c", at(2));
        assert_eq!(queue.take(at(9), 2), ["b", "c"]);
        assert_eq!(queue.take(at(9), 2), ["a"]);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Wake(u8, u64),
        Take(usize),
        Done(usize, Option<u64>),
        Pass(u64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            (0..6u8, 0..40u64).prop_map(|(key, after)| Step::Wake(key, after)),
            (1..4usize).prop_map(Step::Take),
            (0..6usize, proptest::option::of(0..40u64)).prop_map(|(which, next)| Step::Done(which, next)),
            (1..30u64).prop_map(Step::Pass),
        ];
        proptest::collection::vec(step, 1..200)
    }

    proptest! {
        /// Against a model that only remembers, per key, the earliest wake not yet served.
        #[test]
        fn no_key_runs_twice_at_once_none_is_early_and_none_is_lost(steps in steps()) {
            let mut queue = Queue::default();
            let (mut now, mut running, mut owed) = (0, BTreeSet::new(), BTreeMap::<u8, u64>::new());
            for step in steps {
                match step {
                    Step::Wake(key, after) => {
                        queue.wake(key, at(now + after));
                        let due = owed.entry(key).or_insert(now + after);
                        *due = (*due).min(now + after);
                    }
                    Step::Take(limit) => {
                        for key in queue.take(at(now), limit) {
                            prop_assert!(running.insert(key), "{key} runs twice");
                            prop_assert!(owed.remove(&key).is_some_and(|due| due <= now), "{key} was not due");
                        }
                    }
                    Step::Done(which, next) => {
                        if let Some(key) = running.iter().copied().nth(which) {
                            running.remove(&key);
                            queue.done(&key, next.map(|after| at(now + after)));
                            if let Some(after) = next {
                                let due = owed.entry(key).or_insert(now + after);
                                *due = (*due).min(now + after);
                            }
                        }
                    }
                    Step::Pass(seconds) => now += seconds,
                }
                let next = owed.iter().filter(|(key, _)| !running.contains(*key)).map(|(_, due)| at(*due)).min();
                prop_assert_eq!(queue.next_wake(), next);
            }
        }

        /// With `n` keys, each due again as soon as it ends, and `limit` of them at a time, everyone's turn comes
        /// within ceil(n / limit) rounds.
        #[test]
        fn every_key_is_served_within_a_bound(count in 1..30usize, limit in 1..8usize, rounds in 1..40usize) {
            let mut queue = Queue::default();
            for key in 0..count {
                queue.wake(key, at(0));
            }
            let mut last_served = vec![0; count];
            for round in 1..=rounds {
                let now = at(u64::try_from(round).unwrap());
                for key in queue.take(now, limit) {
                    prop_assert!(round - last_served[key] <= count.div_ceil(limit), "{key} waited too long");
                    last_served[key] = round;
                    queue.done(&key, Some(now));
                }
            }
            prop_assert!(last_served.iter().all(|last| rounds - last <= count.div_ceil(limit)));
        }
    }
}
