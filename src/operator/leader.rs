//! Leadership of one fleet: a lease that is renewed in the background, and looked at before every write.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::aws::Clock;
use crate::aws::ledger::{CommitError, Lease, LeaseError, LeaseToken, RENEWAL_INTERVAL};

/// How soon a renewal that failed is tried again: the lease survives two of them, so there is no time to lose.
const RENEW_AGAIN: Duration = Duration::from_secs(1);

/// The right to write for a fleet, as passes hold it. Clones are one.
#[derive(Clone, Debug)]
pub(super) struct Leadership {
    /// `None` once it is lost; it never comes back.
    token: Arc<watch::Sender<Option<LeaseToken>>>,
    clock: Clock,
}

/// This operator does not lead the fleet any more, so it writes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the lease was lost; nothing is written")]
pub(super) struct NotLeading;

/// The leadership and its renewal.
#[derive(Debug)]
pub(super) struct Held {
    leadership: Leadership,
    lease: Lease,
    stop: CancellationToken,
    renewing: AbortOnDropHandle<()>,
}

impl Held {
    /// Renews the lease from now on, until this is dropped or released.
    pub(super) fn new(lease: Lease, token: LeaseToken, clock: Clock) -> Self {
        let leadership = Leadership { token: Arc::new(watch::Sender::new(Some(token))), clock };
        let stop = CancellationToken::new();
        let renewal = renew(lease.clone(), leadership.clone(), stop.clone());
        Self { leadership, lease, stop, renewing: AbortOnDropHandle::new(tokio::spawn(renewal)) }
    }

    pub(super) fn leadership(&self) -> &Leadership {
        &self.leadership
    }

    /// Gives the lease back, so that the next leader need not wait. Only for who has no call under way.
    pub(super) async fn release(self) {
        // A renewal under way is let finish: it would change what the release expects to find.
        self.stop.cancel();
        // It does not panic, and nobody else aborts it.
        let _ = self.renewing.await;
        let token = self.leadership.token.send_replace(None);
        if let Some(token) = token
            && let Err(error) = self.lease.release(token).await
        {
            tracing::warn!(%error, "the lease could not be given back; it runs out by itself");
        }
    }
}

impl Leadership {
    /// Proof that a call may begin now: it will have ended before the lease runs out. Where the lease has too little left,
    /// its renewal is waited for.
    ///
    /// # Errors
    /// If the lease is lost, or runs out before it is renewed.
    pub(super) async fn token(&self) -> Result<LeaseToken, NotLeading> {
        let mut tokens = self.token.subscribe();
        loop {
            let token = tokens.borrow_and_update().clone().ok_or(NotLeading)?;
            if token.permits_a_call(&self.clock) {
                return Ok(token);
            }
            let left = token.remaining(&self.clock);
            if left.is_zero() {
                return Err(NotLeading);
            }
            tokio::select! {
                biased;
                // The sender is ours: it cannot be gone.
                _ = tokens.changed() => {}
                () = self.clock.sleep(left) => {}
            }
        }
    }

    /// A write to the ledger was refused: if because somebody else leads, nothing more is written.
    pub(super) fn heed(&self, error: &CommitError) {
        if matches!(error, CommitError::LostLease { .. }) {
            self.lose();
        }
    }

    fn lose(&self) {
        self.token.send_replace(None);
    }

    /// Waits until the lease is lost.
    pub(super) async fn lost(&self) {
        // The sender is ours: waiting ends only when the lease is lost.
        let _ = self.token.subscribe().wait_for(Option::is_none).await;
    }
}

async fn renew(lease: Lease, leadership: Leadership, stop: CancellationToken) {
    let clock = leadership.clock.clone();
    let mut pause = RENEWAL_INTERVAL;
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = clock.sleep(clock.outside(pause)) => {}
        }
        let Some(token) = leadership.token.borrow().clone() else { return };
        match lease.renew(&token).await {
            Ok(renewed) => {
                leadership.token.send_if_modified(|token| token.replace(renewed).is_some());
                pause = RENEWAL_INTERVAL;
            }
            Err(LeaseError::Ledger(error)) if !token.remaining(&clock).is_zero() => {
                tracing::warn!(%error, "the lease could not be renewed; trying again");
                pause = RENEW_AGAIN;
            }
            Err(error) => {
                tracing::error!(%error, "the lease is lost; nothing more is written");
                return leadership.lose();
            }
        }
    }
}
