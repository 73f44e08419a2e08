//! DynamoDB by the SDK: what the ledger relies on.

use std::time::Duration;

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, PointInTimeRecoverySpecification,
    PointInTimeRecoveryStatus, Put, ScalarAttributeType, Tag, TimeToLiveSpecification, TransactWriteItem, Update,
};
use ropewalk_cloud::admin;
use ropewalk_cloud::admin::faults::{Fault, FaultKind};

use crate::support;

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

async fn table(dynamodb: &aws_sdk_dynamodb::Client) {
    let mut create = dynamodb.create_table().table_name("ropewalk").billing_mode(BillingMode::PayPerRequest);
    for (name, kind) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
        let definition =
            AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build().unwrap();
        let key = KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
        create = create.attribute_definitions(definition).key_schema(key);
    }
    create.tags(Tag::builder().key("ropewalk:ledger").value("l1").build().unwrap()).send().await.unwrap();
}

/// A commit as the ledger makes it: the record must be new, the head must be the one that was read.
fn commit(number: u64) -> Vec<TransactWriteItem> {
    let record = Put::builder()
        .table_name("ropewalk")
        .item("pk", text("AGENT#dev/a"))
        .item("sk", text(&format!("REC#{number:020}")))
        .condition_expression("attribute_not_exists(pk)")
        .build()
        .unwrap();
    let head = Update::builder()
        .table_name("ropewalk")
        .key("pk", text("AGENT#dev/a"))
        .key("sk", text("HEAD"))
        .update_expression("SET #seq = :new")
        .condition_expression("attribute_not_exists(#seq) OR #seq = :old")
        .expression_attribute_names("#seq", "seq")
        .expression_attribute_values(":new", AttributeValue::N(number.to_string()))
        .expression_attribute_values(":old", AttributeValue::N((number - 1).to_string()))
        .build()
        .unwrap();
    vec![TransactWriteItem::builder().put(record).build(), TransactWriteItem::builder().update(head).build()]
}

fn transact(
    dynamodb: &aws_sdk_dynamodb::Client,
    number: u64,
) -> aws_sdk_dynamodb::operation::transact_write_items::builders::TransactWriteItemsFluentBuilder {
    dynamodb.transact_write_items().set_transact_items(Some(commit(number)))
}

#[tokio::test(start_paused = true)]
async fn a_commit_whose_answer_was_lost_is_done_once() {
    let cloud = support::cloud();
    let dynamodb = support::dynamodb(&cloud);
    table(&dynamodb).await;
    let admin = admin::Client::in_process(&cloud);
    let lost = Fault {
        service: "dynamodb".into(),
        operation: "TransactWriteItems".into(),
        times: 2,
        after: 0,
        percent: 100,
        kind: FaultKind::LostResponse,
    };
    admin.add_faults(vec![lost]).await.unwrap();
    transact(&dynamodb, 1).client_request_token("commit-1").send().await.unwrap();
    // The same commit again, by a process that was started anew within ten minutes, and by one after that.
    transact(&dynamodb, 1).client_request_token("commit-1").send().await.unwrap();
    let other = transact(&dynamodb, 2).client_request_token("commit-1").send().await.unwrap_err();
    assert!(other.into_service_error().is_idempotent_parameter_mismatch_exception());
    tokio::time::advance(Duration::from_secs(601)).await;
    let stale = transact(&dynamodb, 1).client_request_token("commit-1").send().await.unwrap_err();
    let stale = stale.into_service_error();
    let aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException(
        cancelled,
    ) = stale
    else {
        panic!("{stale:?}");
    };
    let codes: Vec<_> = cancelled.cancellation_reasons().iter().map(|reason| reason.code().unwrap()).collect();
    assert_eq!(codes, ["ConditionalCheckFailed", "ConditionalCheckFailed"]);
    let items = dynamodb.query().table_name("ropewalk").key_condition_expression("pk = :pk");
    let items = items.expression_attribute_values(":pk", text("AGENT#dev/a")).send().await.unwrap();
    assert_eq!(items.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_failed_condition_gives_back_the_item_when_it_is_asked_for() {
    let cloud = support::cloud();
    let dynamodb = support::dynamodb(&cloud);
    table(&dynamodb).await;
    let put = |owner: &str| {
        let put = dynamodb.put_item().table_name("ropewalk").item("pk", text("FLEET#dev")).item("sk", text("LEASE"));
        put.item("owner", text(owner)).condition_expression("attribute_not_exists(pk)")
    };
    put("one").send().await.unwrap();
    let all = aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure::AllOld;
    let refused =
        put("two").return_values_on_condition_check_failure(all).send().await.unwrap_err().into_service_error();
    let aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(failed) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(failed.item().unwrap()["owner"], text("one"));
}

#[tokio::test(start_paused = true)]
async fn a_tables_settings_are_given_back() {
    let cloud = support::cloud();
    let dynamodb = support::dynamodb(&cloud);
    table(&dynamodb).await;
    let described = dynamodb.describe_table().table_name("ropewalk").send().await.unwrap();
    let described = described.table().unwrap();
    let arn = described.table_arn().unwrap();
    assert_eq!(arn, "arn:aws:dynamodb:us-east-1:211125768252:table/ropewalk");
    assert_eq!(described.creation_date_time().unwrap().secs(), 1_793_620_800);
    let tags = dynamodb.list_tags_of_resource().resource_arn(arn).send().await.unwrap();
    assert_eq!(tags.tags()[0].value(), "l1");
    let recovery = PointInTimeRecoverySpecification::builder().point_in_time_recovery_enabled(true).build().unwrap();
    let on = dynamodb.update_continuous_backups().table_name("ropewalk");
    on.point_in_time_recovery_specification(recovery).send().await.unwrap();
    let backups = dynamodb.describe_continuous_backups().table_name("ropewalk").send().await.unwrap();
    let recovery = backups.continuous_backups_description().unwrap().point_in_time_recovery_description().unwrap();
    assert_eq!(recovery.point_in_time_recovery_status(), Some(&PointInTimeRecoveryStatus::Enabled));
    let ttl = TimeToLiveSpecification::builder().attribute_name("expires").enabled(true).build().unwrap();
    dynamodb.update_time_to_live().table_name("ropewalk").time_to_live_specification(ttl).send().await.unwrap();
    let ttl = dynamodb.describe_time_to_live().table_name("ropewalk").send().await.unwrap();
    assert_eq!(ttl.time_to_live_description().unwrap().attribute_name(), Some("expires"));
    let missing = dynamodb.describe_table().table_name("none").send().await.unwrap_err();
    assert_eq!(missing.message(), Some("Requested resource not found: Table: none not found"));
    assert!(missing.into_service_error().is_resource_not_found_exception());
}
