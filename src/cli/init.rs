//! `ropewalk init`.

use crate::cli::args::Init;
use crate::cli::connect::Connected;
use crate::cli::console::Console;
use crate::cli::exit::Exit;

/// Makes the ledger where it is missing.
///
/// # Errors
/// If there is no target, or DynamoDB refuses.
pub async fn run(options: &Init, console: &Console) -> anyhow::Result<Exit> {
    let connected = Connected::to(&options.target, console).await?;
    for aws in &connected.places {
        let done = aws.ledger(&connected.table).init().await?;
        let what = if done.made { "made" } else { "was there already, left as it is" };
        console.say(&format!("ledger {} in table {}: {what}", done.meta.ledger_id, connected.table));
        for warning in &done.warnings {
            console.say(&format!("warning: {warning}"));
        }
    }
    Ok(Exit::Done)
}
