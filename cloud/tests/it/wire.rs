//! Protocols, errors, faults and counts.

use std::time::Duration;

use aws_sdk_ecs::error::ProvideErrorMetadata;
use ropewalk_cloud::admin;
use ropewalk_cloud::admin::calls::CallsInput;
use ropewalk_cloud::admin::faults::{Fault, FaultKind};
use tokio::net::TcpListener;

use crate::support;

#[tokio::test(start_paused = true)]
async fn the_sdk_makes_and_reads_a_cluster_in_process() {
    let cloud = support::cloud();
    let ecs = support::ecs(&cloud);
    let made = ecs.create_cluster().cluster_name("agents").send().await.unwrap();
    let arn = made.cluster().unwrap().cluster_arn().unwrap();
    assert_eq!(arn, "arn:aws:ecs:us-east-1:211125768252:cluster/agents");
    let seen = ecs.describe_clusters().clusters("agents").clusters("none").send().await.unwrap();
    assert_eq!(seen.clusters()[0].status(), Some("ACTIVE"));
    assert_eq!(seen.failures()[0].reason(), Some("MISSING"));
}

#[tokio::test(start_paused = true)]
async fn each_protocol_carries_its_errors() {
    let cloud = support::cloud();
    let json = support::ecs(&cloud).delete_cluster().cluster("none").send().await.unwrap_err();
    assert_eq!(json.code(), Some("ClusterNotFoundException"));
    assert_eq!(json.message(), Some("Cluster not found."));
    assert!(json.into_service_error().is_cluster_not_found_exception());
    for (code, message) in [
        {
            let error = support::cloudwatch(&cloud).list_managed_insight_rules().resource_arn("x").send().await;
            let error = error.unwrap_err();
            (error.code().map(str::to_owned), error.message().map(str::to_owned))
        },
        {
            let error = support::iam(&cloud).get_account_summary().send().await.unwrap_err();
            (error.code().map(str::to_owned), error.message().map(str::to_owned))
        },
    ] {
        assert_eq!(code.as_deref(), Some("UnknownOperationException"));
        assert!(message.unwrap().starts_with("The embedded cloud does not know "));
    }
}

fn fault(operation: &str, kind: FaultKind) -> Fault {
    Fault { service: "ecs".into(), operation: operation.into(), times: 1, after: 0, percent: 100, kind }
}

#[tokio::test(start_paused = true)]
async fn the_sdk_retries_what_a_fault_breaks_and_the_counts_tell() {
    let cloud = support::cloud();
    let ecs = support::ecs(&cloud);
    let admin = admin::Client::in_process(&cloud);
    for kind in [FaultKind::Throttle, FaultKind::ServerError, FaultKind::Timeout, FaultKind::ConnectionReset] {
        admin.add_faults(vec![fault("ListClusters", kind)]).await.unwrap();
        ecs.list_clusters().send().await.unwrap();
    }
    admin.add_faults(vec![fault("CreateCluster", FaultKind::LostResponse)]).await.unwrap();
    ecs.create_cluster().cluster_name("agents").send().await.unwrap();
    admin.add_faults(vec![fault("ListClusters", FaultKind::AccessDenied)]).await.unwrap();
    let denied = ecs.list_clusters().send().await.unwrap_err();
    assert_eq!(denied.code(), Some("AccessDeniedException"));

    let calls = admin.calls(&CallsInput::default()).await.unwrap();
    assert_eq!((calls.counts["ecs:ListClusters"].calls, calls.counts["ecs:ListClusters"].errors), (9, 5));
    assert!(!calls.counts["ecs:ListClusters"].write);
    assert_eq!((calls.counts["ecs:CreateCluster"].calls, calls.writes()), (2, 2));
    assert_eq!(calls.recent.last().unwrap().error.as_deref(), Some("AccessDeniedException"));

    admin.calls(&CallsInput { since: None, mark: Some("rest".into()) }).await.unwrap();
    ecs.list_clusters().send().await.unwrap();
    let since = admin.calls(&CallsInput { since: Some("rest".into()), mark: None }).await.unwrap();
    assert_eq!((since.writes(), since.recent.len()), (0, 1));
}

#[tokio::test]
async fn any_client_reaches_the_cloud_over_loopback() {
    let cloud = support::cloud();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(async move { cloud.serve(listener, stopped).await });
    let admin = admin::Client::new(&url).unwrap();
    assert_eq!(admin.clock().await.unwrap().speed, 1.0);
    admin.add_faults(vec![fault("*", FaultKind::Throttle)]).await.unwrap();
    assert_eq!(admin.clear_faults().await.unwrap().waiting, []);
    stop.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(60), server).await.unwrap().unwrap().unwrap();
}

#[test]
fn an_address_that_is_none_is_refused_with_what_was_expected() {
    let error = admin::Client::new("localhost").unwrap_err();
    assert_eq!(error.to_string(), "`localhost` is no address of an embedded cloud; expected http://127.0.0.1:<port>");
}

#[tokio::test(start_paused = true)]
async fn a_gzipped_body_is_read_and_numbers_of_accounts_are_accounts() {
    use std::io::Write;

    let cloud = support::cloud();
    let call = |body: Vec<u8>, encoding: Option<&str>| {
        let request = http::Request::post("/")
            .header("authorization", "AWS4-HMAC-SHA256 Credential=123456789012/20261102/eu-west-1/ecs/aws4_request, X")
            .header("x-amz-target", "AmazonEC2ContainerServiceV20141113.CreateCluster");
        let request = encoding.into_iter().fold(request, |request, it| request.header("content-encoding", it));
        cloud.handle(request.body(bytes::Bytes::from(body)).unwrap())
    };
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(br#"{"clusterName": "zipped"}"#).unwrap();
    let answer = call(encoder.finish().unwrap(), Some("gzip")).await.unwrap();
    let answer: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(answer["cluster"]["clusterArn"], "arn:aws:ecs:eu-west-1:123456789012:cluster/zipped");

    let broken = call(b"{".to_vec(), None).await.unwrap();
    assert_eq!(
        (broken.status().as_u16(), &broken.headers()["x-amzn-errortype"]),
        (400, &"SerializationException".parse().unwrap())
    );
    let unknown = cloud.handle(http::Request::get("/").body(bytes::Bytes::new()).unwrap()).await.unwrap();
    assert_eq!(unknown.status(), 404);
}
