//! Why tasks stopped. For people only: nothing is decided on it, so a failed read just leaves it out.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{self, DesiredStatus};

use super::{Observer, each, timestamp};
use crate::aws::errors::AwsError;
use crate::aws::limits::Family;
use crate::observed::StoppedTask;

/// DescribeTasks' most.
const TASKS_A_CALL: i32 = 100;
const KEPT_TASKS: usize = 10;

impl Observer {
    pub(super) async fn stopped_tasks(&self, cluster: &str, services: &[String]) -> BTreeMap<String, Vec<StoppedTask>> {
        let reads = each(services.iter().map(|service| self.stopped_tasks_of(cluster, service))).await;
        services.iter().cloned().zip(reads.into_iter().map(Result::unwrap_or_default)).collect()
    }

    async fn stopped_tasks_of(&self, cluster: &str, service: &str) -> Result<Vec<StoppedTask>, AwsError> {
        let request = self.aws.inner.ecs.list_tasks().cluster(cluster).service_name(service);
        let request = request.desired_status(DesiredStatus::Stopped).max_results(TASKS_A_CALL).send();
        let listed = self.aws.call(Family::EcsTaskReads, "ecs:ListTasks", service, request).await?;
        if listed.task_arns().is_empty() {
            return Ok(Vec::new());
        }
        let request = self.aws.inner.ecs.describe_tasks().cluster(cluster).set_tasks(listed.task_arns).send();
        let answer = self.aws.call(Family::EcsTaskReads, "ecs:DescribeTasks", service, request).await?;
        let mut tasks: Vec<&types::Task> = answer.tasks().iter().collect();
        tasks.sort_by_key(|task| std::cmp::Reverse(task.stopped_at().or(task.stopping_at()).and_then(timestamp)));
        Ok(tasks.into_iter().filter_map(stopped_task).take(KEPT_TASKS).collect())
    }
}

/// ECS says why in two places: the task's reason, and the container's.
fn stopped_task(task: &types::Task) -> Option<StoppedTask> {
    let containers = task.containers();
    let reason = containers.iter().find_map(types::Container::reason);
    let reason = match (task.stopped_reason(), reason) {
        (Some(stopped), Some(reason)) if !stopped.contains(reason) => format!("{stopped}: {reason}"),
        (Some(stopped), _) => stopped.to_owned(),
        (None, Some(reason)) => reason.to_owned(),
        (None, None) => "ECS gave no reason".to_owned(),
    };
    Some(StoppedTask {
        arn: task.task_arn()?.to_owned(),
        task_definition: task.task_definition_arn()?.to_owned(),
        reason,
        exit_code: containers.iter().find_map(types::Container::exit_code),
    })
}
