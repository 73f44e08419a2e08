//! A cloud with nothing in it, and the SDK's clients for it.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use ropewalk_cloud::clock::Clock;
use ropewalk_cloud::{Cloud, Settings};
use serde_json::Value;

/// A cloud on virtual time, which starts at noon of a fixed day.
pub fn cloud() -> Cloud {
    Cloud::open(settings()).unwrap()
}

pub fn settings() -> Settings {
    let clock = Clock::new("2026-11-02T12:00:00Z".parse().unwrap(), 1.0);
    Settings { clock, data: None, seed: 7, read_lag: Duration::ZERO }
}

macro_rules! sdk_client {
    ($name:ident, $sdk:ident) => {
        #[allow(dead_code)]
        pub fn $name(cloud: &Cloud) -> $sdk::Client {
            use $sdk::config::{BehaviorVersion, Config, Credentials, Region};
            let config = Config::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::new("us-east-1"))
                .credentials_provider(Credentials::new("test", "test", None, None, "test"))
                .http_client(cloud.http_client())
                .build();
            $sdk::Client::from_conf(config)
        }
    };
}

sdk_client!(cloudwatch, aws_sdk_cloudwatch);
sdk_client!(dynamodb, aws_sdk_dynamodb);
sdk_client!(ecr, aws_sdk_ecr);
sdk_client!(ecs, aws_sdk_ecs);
sdk_client!(iam, aws_sdk_iam);
sdk_client!(logs, aws_sdk_cloudwatchlogs);
sdk_client!(sts, aws_sdk_sts);

/// One awsJson call, raw: for what no SDK crate here speaks.
#[allow(dead_code)]
pub async fn raw(cloud: &Cloud, target: &str, input: Value) -> (u16, Value) {
    let request = Request::post("/")
        .header("x-amz-target", target)
        .header("content-type", "application/x-amz-json-1.1")
        .body(Bytes::from(input.to_string()))
        .unwrap();
    let response = cloud.handle(request).await.unwrap();
    (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap())
}
