//! Always on: one loop for each fleet, from the moment it appears in the desired state.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::fleet::{Ended, FleetLoop};
use super::leader::Held;
use super::reconcile::Bench;
use super::source::Reading;
use super::{FleetError, Operator};
use crate::aws::Clock;
use crate::aws::ledger::Takeover;
use crate::names::FleetName;
use crate::spec::model::Fleet;

/// How often a fleet is tried for which nothing can be done: a person must mend something first.
const TRY_AGAIN: Duration = Duration::from_secs(15);

impl Operator {
    /// Runs until it is cancelled; then passes under way are finished and the leases are given back.
    pub async fn run(self: Arc<Self>, cancel: CancellationToken) {
        let mut readings = self.settings.source.readings();
        let mut fleets: JoinSet<FleetName> = JoinSet::new();
        let mut running = BTreeSet::new();
        loop {
            let reading = readings.borrow_and_update().clone();
            self.board.all(|progress| {
                progress.problems.clone_from(&reading.problems);
                progress.directory_problem.clone_from(&reading.directory_problem);
                for id in reading.agents() {
                    progress.agents.entry(id).or_default();
                }
            });
            for name in reading.state.fleets.keys() {
                if running.insert(name.clone()) {
                    let (operator, name, cancel) = (Arc::clone(&self), name.clone(), cancel.clone());
                    fleets.spawn(async move {
                        operator.run_fleet(&name, &cancel).await;
                        name
                    });
                }
            }
            tokio::select! {
                biased;
                () = cancel.cancelled() => break,
                Some(ended) = fleets.join_next() => {
                    match ended {
                        Ok(name) => running.remove(&name),
                        // A defect of ours, outside of any pass: the process ends, and is started anew by who watches it.
                        Err(defect) => std::panic::resume_unwind(defect.into_panic()),
                    };
                }
                Ok(()) = readings.changed() => {}
            }
        }
        while fleets.join_next().await.is_some() {}
    }

    /// Leads a fleet again and again, until it is cancelled or the fleet is gone.
    async fn run_fleet(&self, name: &FleetName, cancel: &CancellationToken) {
        while let Some(fleet) = self.settings.source.current().state.fleets.get(name).map(|found| found.fleet.clone()) {
            let clock = self.connection(&fleet).await.clock().clone();
            let led = tokio::select! {
                biased;
                () = cancel.cancelled() => return,
                led = self.take_lead(&fleet) => led,
            };
            match led {
                Ok((bench, held)) => {
                    self.board.fleet(name, |fleet| (fleet.leading, fleet.problem) = (true, None));
                    let ended = self.lead(&fleet, bench, held, cancel).await;
                    self.board.fleet(name, |fleet| fleet.leading = false);
                    match ended {
                        Ok(Ended::Cancelled) => return,
                        Ok(Ended::LeaseLost | Ended::Elsewhere) => continue,
                        Err(error) => self.wait_after(name, &error, &clock, cancel).await,
                    }
                }
                Err(error) => self.wait_after(name, &error, &clock, cancel).await,
            }
            if cancel.is_cancelled() {
                return;
            }
        }
        self.board.all(|progress| {
            progress.fleets.remove(name);
        });
    }

    async fn wait_after(&self, name: &FleetName, error: &FleetError, clock: &Clock, cancel: &CancellationToken) {
        tracing::warn!(fleet = %name, %error, "nothing can be done for the fleet");
        self.board.fleet(name, |fleet| fleet.problem = Some(error.to_string()));
        tokio::select! {
            biased;
            () = cancel.cancelled() => {}
            () = clock.sleep(TRY_AGAIN) => {}
        }
    }

    /// Connects, and waits until the fleet is ours to lead.
    async fn take_lead(&self, fleet: &Fleet) -> Result<(Bench, Held), FleetError> {
        let bench = self.bench(fleet).await?;
        let lease = bench.ledger.lease(&fleet.name, &self.settings.owner);
        if let (Some(holder), Takeover::WhenExpired) = (lease.holder().await?, self.settings.takeover) {
            let problem = format!("led by {}; waiting for it", holder.owner);
            self.board.fleet(&fleet.name, |fleet| fleet.problem = Some(problem));
        }
        let token = lease.acquire(self.settings.takeover).await?;
        tracing::info!(fleet = %fleet.name, epoch = token.epoch(), "leading");
        let held = Held::new(lease, token, bench.aws.clock().clone());
        Ok((bench, held))
    }

    async fn lead(
        &self,
        fleet: &Fleet,
        bench: Bench,
        held: Held,
        cancel: &CancellationToken,
    ) -> Result<Ended, FleetError> {
        let readings: watch::Receiver<Arc<Reading>> = self.settings.source.readings();
        let (leadership, permits) = (held.leadership().clone(), Arc::clone(&self.permits));
        let (ended, drained) = match FleetLoop::take_up(fleet, bench, leadership, readings, permits).await {
            Ok(fleet_loop) => fleet_loop.run(cancel).await,
            Err(error) => {
                held.release().await;
                return Err(error.into());
            }
        };
        // A call that may still be in flight must have ended before somebody else writes: the lease runs out instead.
        if drained {
            held.release().await;
        }
        Ok(ended)
    }
}
