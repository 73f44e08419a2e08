//! One leader per fleet. Time is relative and monotonic: no wall clocks are compared, and nothing expires by itself.
//!
//! ECS cannot check a fencing token, so safety is three things together: every commit is conditional on the epoch; a call
//! begins only while the lease is held for longer than its deadline; a takeover waits out both.

use std::time::Duration;

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;

use super::items::{COUNTER, EPOCH, Item, Key, OWNER, PARTITION_KEY, number, text};
use super::{LedgerError, LedgerStore};
use crate::aws::CALL_DEADLINE;
use crate::aws::clock::Clock;
use crate::aws::errors::AwsError;
use crate::names::FleetName;

/// How long a leader may write after its last renewal. Shorter, and a slow DynamoDB would stop the fleet; longer, and the
/// fleet would be without a leader for longer after a crash.
pub const LEASE_DURATION: Duration = Duration::from_secs(30);
/// How often it renews: two renewals in a row may fail before the lease is lost.
pub const RENEWAL_INTERVAL: Duration = Duration::from_secs(10);
/// How long the counter must stand still before somebody else takes over: until the lease has run out, and until the longest
/// call that began before has ended.
pub const STANDSTILL: Duration = Duration::from_secs(LEASE_DURATION.as_secs() + CALL_DEADLINE.as_secs());
/// How often a waiting candidate looks.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// The lease of one fleet, as one process holds or wants it.
#[derive(Clone, Debug)]
pub struct Lease {
    store: LedgerStore,
    fleet: FleetName,
    owner: String,
}

/// Proof that the lease is held, until it runs out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseToken {
    fleet: FleetName,
    owner: String,
    epoch: u64,
    counter: u64,
    held_until: Duration,
}

/// Who holds the lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    pub owner: String,
    pub epoch: u64,
    counter: u64,
}

/// When a lease that somebody holds may be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takeover {
    /// Once its counter has stood still for [`STANDSTILL`].
    WhenExpired,
    /// At once. Only for a caller who knows that the holder is dead: it holds the lock on the only data directory.
    Immediately,
}

/// The lease is not held.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    #[error("the lease of fleet {fleet} was lost to {owner}")]
    Lost { fleet: FleetName, owner: String },
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl LeaseToken {
    pub fn fleet(&self) -> &FleetName {
        &self.fleet
    }

    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Grows with every leader.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// How long it is still held, in the clock's time; zero if it is not.
    pub fn remaining(&self, clock: &Clock) -> Duration {
        self.held_until.saturating_sub(clock.elapsed())
    }

    /// Whether a call may begin: it will have ended before the lease runs out.
    pub fn permits_a_call(&self, clock: &Clock) -> bool {
        self.remaining(clock) > clock.outside(CALL_DEADLINE)
    }
}

impl LedgerStore {
    /// The lease of a fleet. `owner` names this process and no other: a restarted one has another name.
    pub fn lease(&self, fleet: &FleetName, owner: &str) -> Lease {
        Lease { store: self.clone(), fleet: fleet.clone(), owner: owner.to_owned() }
    }
}

impl Lease {
    /// Who holds the lease now; `None` if nobody ever did, or the last holder has given it back.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn holder(&self) -> Result<Option<Holder>, LedgerError> {
        Ok(self.read().await?.filter(|holder| !holder.owner.is_empty()))
    }

    /// Waits until the lease is ours. Dropping the future gives up.
    ///
    /// # Errors
    /// If DynamoDB refuses; what passes by itself is waited for.
    pub async fn acquire(&self, takeover: Takeover) -> Result<LeaseToken, LedgerError> {
        let clock = &self.store.clock;
        let mut watched: Option<(Holder, Duration)> = None;
        loop {
            let asked_at = clock.elapsed();
            match self.read().await {
                Err(error) if passes(&error) => {}
                Err(error) => return Err(error),
                Ok(found) => {
                    if self.may_take(found.as_ref(), takeover, watched.as_ref(), asked_at)
                        && let Some(token) = self.take(found.as_ref()).await?
                    {
                        return Ok(token);
                    }
                    // Standing still counts from the end of the first look to the beginning of the last.
                    watched = match (found, watched) {
                        (Some(found), Some((before, since))) if before == found => Some((found, since)),
                        (Some(found), _) => Some((found, clock.elapsed())),
                        (None, _) => None,
                    };
                }
            }
            clock.sleep(clock.outside(LOOK_AGAIN)).await;
        }
    }

    fn may_take(
        &self,
        found: Option<&Holder>,
        takeover: Takeover,
        watched: Option<&(Holder, Duration)>,
        now: Duration,
    ) -> bool {
        let Some(found) = found else { return true };
        let stood_still = || {
            watched.is_some_and(|(before, since)| {
                before == found && now.saturating_sub(*since) >= self.store.clock.outside(STANDSTILL)
            })
        };
        found.owner.is_empty() || takeover == Takeover::Immediately || stood_still()
    }

    /// Takes the lease as it was seen; `None` if somebody was faster.
    async fn take(&self, found: Option<&Holder>) -> Result<Option<LeaseToken>, LedgerError> {
        let (epoch, counter) = found.map_or((1, 1), |found| (found.epoch + 1, found.counter + 1));
        let ours = Holder { owner: self.owner.clone(), epoch, counter };
        match self.store.know_fleet(&self.fleet).await {
            Err(error) if passes(&error) => return Ok(None),
            known => known?,
        }
        match self.write(found, ours).await {
            Ok(token) => Ok(Some(token)),
            Err(LeaseError::Lost { .. }) => Ok(None),
            Err(LeaseError::Ledger(error)) if passes(&error) => Ok(None),
            Err(LeaseError::Ledger(error)) => Err(error),
        }
    }

    /// Holds the lease for another [`LEASE_DURATION`], from the moment of asking.
    ///
    /// # Errors
    /// [`LeaseError::Lost`] if somebody else has it: stop writing at once. Any other error leaves the token as it was: try
    /// again while it lasts.
    pub async fn renew(&self, token: &LeaseToken) -> Result<LeaseToken, LeaseError> {
        let held = Holder { owner: token.owner.clone(), epoch: token.epoch, counter: token.counter };
        let renewed = Holder { counter: token.counter + 1, ..held.clone() };
        self.write(Some(&held), renewed).await
    }

    /// Gives the lease back, so that the next leader need not wait. The epoch stays: it never goes back.
    ///
    /// # Errors
    /// [`LeaseError::Lost`] if it was not ours any more.
    pub async fn release(&self, token: LeaseToken) -> Result<(), LeaseError> {
        let held = Holder { owner: token.owner.clone(), epoch: token.epoch, counter: token.counter };
        let free = Holder { owner: String::new(), counter: token.counter + 1, ..held.clone() };
        self.write(Some(&held), free).await.map(drop)
    }

    /// Replaces what was seen by `next`. A failed condition, or no answer, can be our own write: what is there decides.
    async fn write(&self, seen: Option<&Holder>, next: Holder) -> Result<LeaseToken, LeaseError> {
        let asked_at = self.store.clock.elapsed();
        let held_until = asked_at + self.store.clock.outside(LEASE_DURATION);
        let token = LeaseToken {
            fleet: self.fleet.clone(),
            owner: next.owner.clone(),
            epoch: next.epoch,
            counter: next.counter,
            held_until,
        };
        let Err(error) = self.request(seen, &next).send().await else { return Ok(token) };
        let error = AwsError::of("dynamodb:UpdateItem", &format!("the lease of {}", self.fleet), &error);
        let refused = error.code == "ConditionalCheckFailedException";
        if !refused && !error.in_doubt {
            return Err(LedgerError::Aws(error).into());
        }
        match self.read().await? {
            Some(found) if found == next => Ok(token),
            Some(found) if Some(&found) == seen => Err(LedgerError::Aws(error).into()),
            found => {
                let owner = found.map_or_else(|| "nobody".to_owned(), |found| found.owner);
                let owner = if owner.is_empty() { "nobody".to_owned() } else { owner };
                Err(LeaseError::Lost { fleet: self.fleet.clone(), owner })
            }
        }
    }

    fn request(&self, seen: Option<&Holder>, next: &Holder) -> UpdateItemFluentBuilder {
        let request = self.store.client.update_item().table_name(&self.store.table);
        let request = request
            .set_key(Some(Key::lease(&self.fleet).item()))
            .update_expression("SET #owner = :owner, #epoch = :epoch, #counter = :counter")
            .expression_attribute_names("#owner", OWNER)
            .expression_attribute_names("#epoch", EPOCH)
            .expression_attribute_names("#counter", COUNTER)
            .expression_attribute_values(":owner", text(&next.owner))
            .expression_attribute_values(":epoch", number(next.epoch))
            .expression_attribute_values(":counter", number(next.counter));
        match seen {
            None => {
                let request = request.condition_expression("attribute_not_exists(#pk)");
                request.expression_attribute_names("#pk", PARTITION_KEY)
            }
            Some(seen) => request
                .condition_expression("#owner = :seenOwner AND #epoch = :seenEpoch AND #counter = :seenCounter")
                .expression_attribute_values(":seenOwner", text(&seen.owner))
                .expression_attribute_values(":seenEpoch", number(seen.epoch))
                .expression_attribute_values(":seenCounter", number(seen.counter)),
        }
    }

    async fn read(&self) -> Result<Option<Holder>, LedgerError> {
        let key = Key::lease(&self.fleet);
        self.store.get(&key).await?.map(|item: Item| holder(&key, &item)).transpose()
    }
}

fn holder(key: &Key, item: &Item) -> Result<Holder, LedgerError> {
    Ok(Holder {
        owner: key.text(item, OWNER)?.to_owned(),
        epoch: key.number(item, EPOCH)?,
        counter: key.number(item, COUNTER)?,
    })
}

/// Whether waiting helps.
fn passes(error: &LedgerError) -> bool {
    error.aws().is_some_and(|error| !error.needs_a_person())
}
