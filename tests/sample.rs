//! A fleet and an agent to start from.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use ropewalk::spec::model::*;
use ropewalk::spec::units::{Percent, Span, Usd};

pub fn fleet() -> Fleet {
    Fleet {
        name: "dev".parse().unwrap(),
        project: "vitracka".parse().unwrap(),
        environment: Environment::Dev,
        account: "211125768252".parse().unwrap(),
        region: "us-east-1".parse().unwrap(),
        cluster: "vitracka-agents".parse().unwrap(),
        network: Network {
            vpc: "vpc-0f1e2d3c".to_owned(),
            subnets: BTreeSet::from(["subnet-0a1b2c3d".to_owned()]),
            security_groups: BTreeSet::from(["sg-0a1b2c3d".to_owned()]),
        },
        load_balancer: None,
        notify: None,
        permissions_boundary: None,
        allow: Allow::default(),
        mode: Mode::Enforce,
        encryption_key: None,
    }
}

pub fn agent(tag: &str) -> Agent {
    Agent {
        id: "dev/agent".parse().unwrap(),
        file: PathBuf::from("dev/agent.yaml"),
        image: Image {
            repository: "vitracka/agent".parse().unwrap(),
            reference: ImageReference::Tag(tag.parse().unwrap()),
        },
        port: 8001,
        size: Size { cpu: 256, memory_mib: 512, architecture: Architecture::Arm64 },
        capacity: Capacity::Replicas(2),
        environment: BTreeMap::from([("AWS_REGION".to_owned(), "us-east-1".to_owned())]),
        secrets: BTreeMap::from([(
            "AWS_BEDROCK_API_KEY".to_owned(),
            "arn:aws:secretsmanager:us-east-1:211125768252:secret:bedrock-api-key".to_owned(),
        )]),
        models: BTreeSet::from(["anthropic.claude-3-5-sonnet-20241022-v2:0".to_owned()]),
        health: Health {
            path: "/health".to_owned(),
            interval: Span::seconds(30),
            timeout: Span::seconds(5),
            retries: 3,
            start_period: Span::seconds(60),
        },
        logs: Logs { group: "/ecs/dev/agent".to_owned(), retention_days: 7 },
        traffic: None,
        rollout: Rollout {
            strategy: Strategy::Rolling {},
            smoke_test: None,
            prompts: None,
            metrics: Vec::new(),
            promote: Promote::Automatic,
            monitor: Span::minutes(30),
            deadline: Span::minutes(20),
            hook_timeout: Span::minutes(60),
            on_no_data: OnNoData::Pass,
        },
        rollback: RollbackPolicy {
            error_rate: ErrorRate { above: Percent::whole(10), window: Span::minutes(5), min_invocations: 5 },
            unhealthy: Span::minutes(2),
        },
        alarms: Alarms {
            error_rate: Percent::whole(5),
            duration_p95: Span::seconds(30),
            throttles: Throttles { above: 10, per: Span::minutes(1) },
            cost_per_day: Usd::dollars(100),
        },
        schedule: None,
        deletion: Deletion::Retain,
        mode: Mode::Enforce,
    }
}
