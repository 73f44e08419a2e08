//! Alarms in ALARM: one call watches the whole fleet.

use std::collections::BTreeSet;

use aws_sdk_cloudwatch::types::{AlarmType, StateValue};

use super::Observer;
use crate::aws::errors::AwsError;
use crate::aws::limits::Family;
use crate::names::{AgentId, FleetName, alarm_prefix};

/// DescribeAlarms' most.
const ALARMS_A_CALL: i32 = 100;

impl Observer {
    pub(super) async fn alarms_firing(&self, fleet: &FleetName) -> Result<BTreeSet<String>, AwsError> {
        let prefix = alarm_prefix(fleet);
        let mut names = BTreeSet::new();
        let mut token = None;
        loop {
            let request = self.aws.inner.cloudwatch.describe_alarms();
            let request = request
                .alarm_name_prefix(&prefix)
                .state_value(StateValue::Alarm)
                // Without its type, a composite alarm would not be told.
                .alarm_types(AlarmType::MetricAlarm)
                .alarm_types(AlarmType::CompositeAlarm)
                .max_records(ALARMS_A_CALL)
                .set_next_token(token);
            let call = self.aws.call(Family::AlarmReads, "cloudwatch:DescribeAlarms", &prefix, request.send());
            let answer = call.await?;
            names.extend(answer.metric_alarms().iter().filter_map(|alarm| alarm.alarm_name().map(str::to_owned)));
            names.extend(answer.composite_alarms().iter().filter_map(|alarm| alarm.alarm_name().map(str::to_owned)));
            token = answer.next_token;
            if token.is_none() {
                return Ok(names);
            }
        }
    }
}

pub(super) fn of_agent(names: &BTreeSet<String>, id: &AgentId) -> BTreeSet<String> {
    let prefix = id.alarm_prefix();
    names.iter().filter(|name| name.starts_with(&prefix)).cloned().collect()
}
