//! Which fleets a ledger has.

use super::items::{Item, Key, PARTITION_KEY, SORT_KEY, text};
use super::{LedgerError, LedgerStore};
use crate::names::FleetName;

/// The partition of what concerns the whole ledger.
const LEDGER: &str = "LEDGER";
const FLEET_PREFIX: &str = "FLEET#";

fn key(fleet: &FleetName) -> Key {
    Key { partition: LEDGER.to_owned(), sort: format!("{FLEET_PREFIX}{fleet}") }
}

impl LedgerStore {
    /// The fleets that were ever led from this ledger, by name.
    ///
    /// # Errors
    /// If a page cannot be read.
    pub async fn fleets(&self) -> Result<Vec<FleetName>, LedgerError> {
        let (mut fleets, mut start) = (Vec::new(), None::<Item>);
        loop {
            let request = self.client.query().table_name(&self.table).consistent_read(true);
            let request = request
                .key_condition_expression("#pk = :pk AND begins_with(#sk, :prefix)")
                .expression_attribute_names("#pk", PARTITION_KEY)
                .expression_attribute_names("#sk", SORT_KEY)
                .expression_attribute_values(":pk", text(LEDGER))
                .expression_attribute_values(":prefix", text(FLEET_PREFIX))
                .set_exclusive_start_key(start.take());
            let answer = request.send().await.map_err(|error| self.error("dynamodb:Query", &error))?;
            for item in answer.items() {
                let sort = item.get(SORT_KEY).and_then(|sort| sort.as_s().ok()).cloned().unwrap_or_default();
                let name = sort.strip_prefix(FLEET_PREFIX).unwrap_or_default().parse();
                let key = Key { partition: LEDGER.to_owned(), sort };
                fleets.push(name.map_err(|_| key.corrupt("it names no fleet"))?);
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(fleets);
            }
        }
    }

    /// Says that the ledger knows the fleet. Saying it twice changes nothing.
    pub(super) async fn know_fleet(&self, fleet: &FleetName) -> Result<(), LedgerError> {
        let request = self.client.put_item().table_name(&self.table).set_item(Some(key(fleet).item()));
        request.send().await.map(drop).map_err(|error| self.error("dynamodb:PutItem", &error))
    }
}
