//! Secrets Manager, raw: no SDK crate for it is used here.

use serde_json::json;

use crate::support::{cloud, raw};

#[tokio::test(start_paused = true)]
async fn a_secret_is_made_read_changed_and_deleted_for_thirty_days() {
    let cloud = cloud();
    let call = |operation: &str, input: serde_json::Value| {
        let target = format!("secretsmanager.{operation}");
        let cloud = cloud.clone();
        async move { raw(&cloud, &target, input).await }
    };
    let token = "11111111-2222-4333-8444-555555555555";
    let make = json!({ "Name": "bedrock-api-key", "SecretString": "one", "ClientRequestToken": token });
    let (_, made) = call("CreateSecret", make.clone()).await;
    let arn = made["ARN"].as_str().unwrap().to_owned();
    assert!(arn.starts_with("arn:aws:secretsmanager:us-east-1:211125768252:secret:bedrock-api-key-"), "{arn}");
    assert_eq!(call("CreateSecret", make).await, (200, made));
    let other = json!({ "Name": "bedrock-api-key", "SecretString": "two" });
    let (status, again) = call("CreateSecret", other).await;
    assert_eq!((status, &again["__type"]), (400, &json!("ResourceExistsException")));
    let (_, put) = call("PutSecretValue", json!({ "SecretId": arn, "SecretString": "two" })).await;
    assert_eq!(put["VersionStages"], json!(["AWSCURRENT"]));
    for (id, stage, value) in [
        ("bedrock-api-key", "AWSCURRENT", "two"),
        (arn.as_str(), "AWSPREVIOUS", "one"),
        (&arn[..arn.len() - 7], "AWSCURRENT", "two"),
    ] {
        let (_, read) = call("GetSecretValue", json!({ "SecretId": id, "VersionStage": stage })).await;
        assert_eq!(read["SecretString"], value, "{id} {stage}");
    }
    let (_, described) = call("DescribeSecret", json!({ "SecretId": arn })).await;
    assert_eq!(described["VersionIdsToStages"][token], json!(["AWSPREVIOUS"]));
    let (_, deleted) = call("DeleteSecret", json!({ "SecretId": arn })).await;
    assert_eq!(deleted["DeletionDate"], json!(1_793_620_800.0 + 30.0 * 86_400.0));
    let (_, marked) = call("GetSecretValue", json!({ "SecretId": arn })).await;
    assert_eq!(marked["__type"], "InvalidRequestException");
    assert!(!marked.to_string().contains("two"));
    tokio::time::advance(std::time::Duration::from_secs(30 * 86_400)).await;
    let (_, gone) = call("GetSecretValue", json!({ "SecretId": arn })).await;
    assert_eq!(gone["message"], "Secrets Manager can't find the specified secret.");
    let (_, list) = call("ListSecrets", json!({ "IncludePlannedDeletion": true })).await;
    assert_eq!(list["SecretList"], json!([]));
}
