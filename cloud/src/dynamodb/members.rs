//! The members that each operation takes here. dynoxide skips what it does not know; what would be silently lost is
//! refused instead.

use serde_json::Value;

use super::validation;
use crate::service::ServiceError;

const CAPACITY: &str = "ReturnConsumedCapacity";
const EXPRESSION: [&str; 2] = ["ExpressionAttributeNames", "ExpressionAttributeValues"];
const LEGACY_WRITE: [&str; 2] = ["Expected", "ConditionalOperator"];

const WRITE: &[&[&str]] = &[
    &EXPRESSION,
    &LEGACY_WRITE,
    &[
        "TableName",
        "ConditionExpression",
        "ReturnValues",
        CAPACITY,
        "ReturnItemCollectionMetrics",
        "ReturnValuesOnConditionCheckFailure",
    ],
];
const READ: &[&[&str]] = &[
    &EXPRESSION,
    &[
        "TableName",
        "IndexName",
        "Select",
        "AttributesToGet",
        "Limit",
        "ConsistentRead",
        "ExclusiveStartKey",
        "FilterExpression",
        "ProjectionExpression",
        CAPACITY,
        "ConditionalOperator",
    ],
];
const CREATE_TABLE: &[&str] = &[
    "TableName",
    "AttributeDefinitions",
    "KeySchema",
    "LocalSecondaryIndexes",
    "GlobalSecondaryIndexes",
    "BillingMode",
    "ProvisionedThroughput",
    "StreamSpecification",
    "SSESpecification",
    "Tags",
    "TableClass",
    "DeletionProtectionEnabled",
    "OnDemandThroughput",
];
const UPDATE_TABLE: &[&str] = &[
    "TableName",
    "AttributeDefinitions",
    "BillingMode",
    "ProvisionedThroughput",
    "GlobalSecondaryIndexUpdates",
    "StreamSpecification",
    "TableClass",
    "DeletionProtectionEnabled",
    "OnDemandThroughput",
];

/// The operation's own members, and groups that it shares with others.
fn known(operation: &str) -> Option<(&'static [&'static str], &'static [&'static [&'static str]])> {
    Some(match operation {
        "CreateTable" => (CREATE_TABLE, &[]),
        "UpdateTable" => (UPDATE_TABLE, &[]),
        "DescribeTable" | "DeleteTable" | "DescribeTimeToLive" | "DescribeContinuousBackups" => (&["TableName"], &[]),
        "ListTables" => (&["ExclusiveStartTableName", "Limit"], &[]),
        "PutItem" => (&["Item"], WRITE),
        "UpdateItem" => (&["Key", "UpdateExpression", "AttributeUpdates"], WRITE),
        "DeleteItem" => (&["Key"], WRITE),
        "GetItem" => (
            &[
                "TableName",
                "Key",
                "AttributesToGet",
                "ConsistentRead",
                CAPACITY,
                "ProjectionExpression",
                "ExpressionAttributeNames",
            ],
            &[],
        ),
        "Query" => (&["KeyConditions", "QueryFilter", "ScanIndexForward", "KeyConditionExpression"], READ),
        "Scan" => (&["ScanFilter", "TotalSegments", "Segment"], READ),
        "BatchGetItem" => (&["RequestItems", CAPACITY], &[]),
        "BatchWriteItem" => (&["RequestItems", CAPACITY, "ReturnItemCollectionMetrics"], &[]),
        "TransactWriteItems" => {
            (&["TransactItems", CAPACITY, "ReturnItemCollectionMetrics", "ClientRequestToken"], &[])
        }
        "TransactGetItems" => (&["TransactItems", CAPACITY], &[]),
        "ExecuteTransaction" => (&["TransactStatements", "ClientRequestToken", CAPACITY], &[]),
        "UpdateTimeToLive" => (&["TableName", "TimeToLiveSpecification"], &[]),
        "UpdateContinuousBackups" => (&["TableName", "PointInTimeRecoverySpecification"], &[]),
        "TagResource" => (&["ResourceArn", "Tags"], &[]),
        "UntagResource" => (&["ResourceArn", "TagKeys"], &[]),
        "ListTagsOfResource" => (&["ResourceArn", "NextToken"], &[]),
        _ => return None,
    })
}

/// # Errors
/// `ValidationException` naming the member that is not known here.
pub(super) fn check(operation: &str, input: &Value) -> Result<(), ServiceError> {
    let (Some((own, shared)), Some(members)) = (known(operation), input.as_object()) else { return Ok(()) };
    let is_known = |member: &str| own.contains(&member) || shared.iter().any(|group| group.contains(&member));
    match members.keys().find(|member| !is_known(member)) {
        None => Ok(()),
        Some(unknown) => Err(validation(format!("The embedded cloud does not know {operation}'s member {unknown}."))),
    }
}
