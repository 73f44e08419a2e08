//! The real SDK reads what ECS answers, member by member.

use aws_sdk_ecs::types::{
    DeploymentRolloutState, HealthStatus, ServiceDeploymentRollbackMonitorsStatus, ServiceDeploymentStatus,
    ServiceField, StopServiceDeploymentStopType,
};

use crate::stage::{Stage, wait};
use crate::support;

#[tokio::test(start_paused = true)]
async fn the_sdk_follows_a_deployment_from_its_service_to_its_tasks() {
    let stage = Stage::new().await;
    stage.create("v1", 2).await;
    wait(100).await;
    let ecs = support::ecs(&stage.cloud);
    let described =
        ecs.describe_services().cluster("agents").services("agent").include(ServiceField::Tags).send().await.unwrap();
    let service = &described.services()[0];
    assert_eq!((service.desired_count(), service.running_count(), service.pending_count()), (2, 2, 0));
    let deployment = &service.deployments()[0];
    assert_eq!(deployment.rollout_state(), Some(&DeploymentRolloutState::Completed));
    assert_eq!(service.events().len(), 3);
    assert!(service.created_at().is_some());
    let breaker = service.deployment_configuration().unwrap().deployment_circuit_breaker().unwrap();
    assert!(breaker.enable() && breaker.rollback() && breaker.reset_on_healthy_task() == Some(true));

    let arn = service.current_service_deployment().unwrap();
    let deployments = ecs.describe_service_deployments().service_deployment_arns(arn).send().await.unwrap();
    let deployment = &deployments.service_deployments()[0];
    assert_eq!(deployment.status(), Some(&ServiceDeploymentStatus::Successful));
    let breaker = deployment.deployment_circuit_breaker().unwrap();
    assert_eq!(breaker.status(), Some(&ServiceDeploymentRollbackMonitorsStatus::MonitoringComplete));
    let revision = deployment.target_service_revision().unwrap().arn().unwrap();
    let revisions = ecs.describe_service_revisions().service_revision_arns(revision).send().await.unwrap();
    let digest = revisions.service_revisions()[0].container_images()[0].image_digest().unwrap();

    let tasks = ecs.list_tasks().cluster("agents").service_name("agent").send().await.unwrap();
    let tasks = ecs.describe_tasks().cluster("agents").set_tasks(tasks.task_arns).send().await.unwrap();
    for task in tasks.tasks() {
        assert_eq!(task.health_status(), Some(&HealthStatus::Healthy));
        assert_eq!(task.containers()[0].image_digest(), Some(digest));
        assert!(task.started_at() > task.created_at());
    }
    let refused = ecs.stop_service_deployment().service_deployment_arn(arn);
    let refused = refused.stop_type(StopServiceDeploymentStopType::Rollback).send().await.unwrap_err();
    assert!(refused.into_service_error().is_conflict_exception());
}
