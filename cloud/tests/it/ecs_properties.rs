//! What holds for every sequence of deployments.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::stage::{Stage, list, wait};

/// One thing that a person does, and how long they then wait.
#[derive(Clone, Debug)]
enum Act {
    Deploy(&'static str),
    Scale(u32),
    Force,
    StopRollback,
    StopTask,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => prop::sample::select(vec!["v1", "v2", "crash", "sick", "brittle", "missing"]).prop_map(Act::Deploy),
        1 => (0_u32..4).prop_map(Act::Scale),
        1 => Just(Act::Force),
        1 => Just(Act::StopRollback),
        1 => Just(Act::StopTask),
    ]
}

fn acts() -> impl Strategy<Value = Vec<(Act, u64)>> {
    prop::collection::vec((act(), 1_u64..300), 1..5)
}

fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(test)
}

async fn perform(stage: &Stage, act: &Act) {
    match act {
        Act::Deploy(tag) => drop(stage.deploy(tag).await),
        Act::Scale(count) => drop(stage.update(json!({"desiredCount": count})).await),
        Act::Force => drop(stage.update(json!({"forceNewDeployment": true})).await),
        Act::StopRollback => {
            let arn = stage.service().await["currentServiceDeployment"].clone();
            let stop = json!({"serviceDeploymentArn": arn, "stopType": "ROLLBACK"});
            stage.try_json("AmazonEC2ContainerServiceV20141113.StopServiceDeployment", stop).await;
        }
        Act::StopTask => {
            if let Some(task) = stage.tasks("RUNNING").await.first() {
                stage.ecs("StopTask", json!({"cluster": "agents", "task": task["taskArn"]})).await;
            }
        }
    }
}

/// All that a reader can see of the service.
async fn everything(stage: &Stage) -> Value {
    json!({
        "service": stage.service().await,
        "deployments": stage.service_deployments().await,
        "running": stage.tasks("RUNNING").await,
        "stopped": stage.tasks("STOPPED").await,
    })
}

/// Plays a story, looking every `poll` seconds.
async fn play(acts: &[(Act, u64)], poll: u64) -> Value {
    let stage = Stage::new().await;
    stage.create("v1", 2).await;
    let mut seconds = 100;
    for (act, pause) in acts {
        pass(&stage, seconds, poll).await;
        perform(&stage, act).await;
        seconds = *pause;
    }
    pass(&stage, seconds, poll).await;
    everything(&stage).await
}

async fn pass(stage: &Stage, mut seconds: u64, poll: u64) {
    while seconds > 0 {
        let step = seconds.min(poll);
        wait(step).await;
        stage.service().await;
        seconds -= step;
    }
}

/// What must hold at any moment.
async fn check(stage: &Stage, most: &mut usize) -> Result<(), TestCaseError> {
    let service = stage.service().await;
    let mut tasks = stage.tasks("RUNNING").await;
    let wanted = tasks.len();
    tasks.extend(stage.tasks("STOPPED").await);
    let count = |states: &[&str], deployment: Option<&Value>| {
        tasks
            .iter()
            .filter(|task| states.contains(&task["lastStatus"].as_str().unwrap()))
            .filter(|task| deployment.is_none_or(|id| task["startedBy"] == *id))
            .count()
    };
    let pending = ["PROVISIONING", "PENDING", "ACTIVATING"];
    prop_assert_eq!(&service["runningCount"], &json!(count(&["RUNNING"], None)));
    prop_assert_eq!(&service["pendingCount"], &json!(count(&pending, None)));
    for deployment in list(&service["deployments"]) {
        let id = &deployment["id"];
        prop_assert_eq!(&deployment["runningCount"], &json!(count(&["RUNNING"], Some(id))));
        prop_assert_eq!(&deployment["pendingCount"], &json!(count(&pending, Some(id))));
    }
    // Never more than twice the desired count, except for what a larger count left behind.
    let bound = service["desiredCount"].as_u64().unwrap() as usize * 2;
    prop_assert!(wanted <= bound.max(*most), "{} tasks, at most {}", wanted, bound);
    *most = wanted;
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_history_does_not_depend_on_how_often_one_looks(acts in acts(), poll in 1_u64..40) {
        let often = run(play(&acts, poll));
        let seldom = run(play(&acts, 1_000));
        prop_assert_eq!(often, seldom);
    }

    #[test]
    fn counts_are_the_tasks_and_stay_within_the_maximum(acts in acts()) {
        run(async {
            let stage = Stage::new().await;
            stage.create("v1", 2).await;
            let mut most = 0;
            for (act, pause) in [(Act::Scale(2), 100)].iter().chain(&acts) {
                perform(&stage, act).await;
                for _ in 0..*pause {
                    wait(1).await;
                    check(&stage, &mut most).await?;
                }
            }
            Ok::<(), TestCaseError>(())
        })?;
    }

    #[test]
    fn deployments_never_take_healthy_tasks_below_the_minimum(
        tags in prop::collection::vec(prop::sample::select(vec!["v2", "crash", "sick", "missing"]), 1..4),
        minimum in prop::sample::select(vec![0_u64, 50, 100]),
        pause in 1_u64..400,
    ) {
        run(async {
            let stage = Stage::new().await;
            stage.create("v1", 3).await;
            wait(100).await;
            stage.update(json!({"deploymentConfiguration": {"minimumHealthyPercent": minimum}})).await;
            let least = (3 * minimum).div_ceil(100) as usize;
            for tag in tags {
                stage.deploy(tag).await;
                for _ in 0..pause {
                    wait(1).await;
                    let tasks = stage.tasks("RUNNING").await;
                    let healthy = tasks.iter().filter(|task| task["healthStatus"] == "HEALTHY").count();
                    prop_assert!(healthy >= least, "{} healthy tasks, at least {}", healthy, least);
                }
            }
            Ok::<(), TestCaseError>(())
        })?;
    }

    #[test]
    fn with_a_circuit_breaker_every_deployment_ends(
        tags in prop::collection::vec(prop::sample::select(vec!["v1", "v2", "crash", "sick", "missing"]), 1..4),
        desired in 1_u32..9,
        pause in 1_u64..200,
    ) {
        run(async {
            let stage = Stage::new().await;
            stage.create("v1", desired).await;
            for tag in tags {
                wait(pause).await;
                stage.deploy(tag).await;
            }
            wait(4 * 3_600).await;
            for deployment in stage.service_deployments().await {
                let status = deployment["status"].as_str().unwrap().to_owned();
                let terminal = ["SUCCESSFUL", "STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED"];
                prop_assert!(terminal.contains(&status.as_str()), "{}", status);
            }
            prop_assert_ne!(&stage.service().await["deployments"][0]["rolloutState"], &json!("IN_PROGRESS"));
            Ok::<(), TestCaseError>(())
        })?;
    }
}
