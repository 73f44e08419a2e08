//! Ctrl-C, SIGTERM and a closed terminal: the first asks to end, the second ends.

use tokio_util::sync::CancellationToken;

/// The exit code of a process that was interrupted twice, as shells count it: 128 + SIGINT.
const INTERRUPTED: i32 = 130;

/// A token that is cancelled at the first signal.
pub fn on_signal() -> CancellationToken {
    let token = CancellationToken::new();
    let asked = token.clone();
    tokio::spawn(async move {
        signal().await;
        asked.cancel();
        signal().await;
        std::process::exit(INTERRUPTED);
    });
    token
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminated), Ok(mut hung_up)) = (signal(SignalKind::terminate()), signal(SignalKind::hangup())) else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated.recv() => {}
        // The terminal was closed.
        _ = hung_up.recv() => {}
    }
}

#[cfg(not(unix))]
async fn signal() {
    let _ = tokio::signal::ctrl_c().await;
}
