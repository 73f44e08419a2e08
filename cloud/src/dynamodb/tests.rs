use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Database, Tables, tokens};
use crate::service::ServiceError;

const ACCOUNT: &str = "211125768252";
const REGION: &str = "us-east-1";
const DIRECTORY: &str = "ROPEWALK_TEST_TABLES";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_793_620_800 + second).unwrap()
}

fn open(data: Option<&Path>) -> Tables {
    Tables::open(data).unwrap()
}

fn call(tables: &Tables, second: i64, operation: &str, input: Value) -> Result<Value, ServiceError> {
    tables.call(operation, input, ACCOUNT, REGION, at(second))
}

fn create(tables: &Tables) -> Value {
    let input = json!({
        "TableName": "ledger", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{ "AttributeName": "pk", "AttributeType": "S" }],
        "KeySchema": [{ "AttributeName": "pk", "KeyType": "HASH" }],
    });
    call(tables, 0, "CreateTable", input).unwrap()
}

/// Puts a record and counts it: what is done twice counts twice.
fn counted_put(number: u64, token: &str) -> Value {
    json!({ "ClientRequestToken": token, "TransactItems": [
        { "Put": { "TableName": "ledger", "Item": { "pk": { "S": format!("REC#{number}") } } } },
        { "Update": {
            "TableName": "ledger", "Key": { "pk": { "S": "COUNT" } }, "UpdateExpression": "ADD n :one",
            "ExpressionAttributeValues": { ":one": { "N": "1" } },
        } },
    ] })
}

fn count(tables: &Tables) -> u64 {
    let input = json!({ "TableName": "ledger", "Key": { "pk": { "S": "COUNT" } }, "ConsistentRead": true });
    let answer = call(tables, 0, "GetItem", input).unwrap();
    answer["Item"]["n"]["N"].as_str().map_or(0, |number| number.parse().unwrap())
}

fn records(tables: &Tables) -> u64 {
    let answer = call(tables, 0, "Scan", json!({ "TableName": "ledger" })).unwrap();
    let items = answer["Items"].as_array().unwrap();
    items.iter().filter(|item| item["pk"]["S"] != "COUNT").count() as u64
}

#[test]
fn the_same_token_is_one_transaction_for_ten_minutes_and_across_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    {
        let tables = open(Some(directory.path()));
        create(&tables);
        for second in [0, 30] {
            call(&tables, second, "TransactWriteItems", counted_put(1, "t1")).unwrap();
        }
        assert_eq!(count(&tables), 1);
    }
    let tables = open(Some(directory.path()));
    call(&tables, 599, "TransactWriteItems", counted_put(1, "t1")).unwrap();
    assert_eq!(count(&tables), 1);
    let other = call(&tables, 599, "TransactWriteItems", counted_put(2, "t1")).unwrap_err();
    assert_eq!(other.code, "IdempotentParameterMismatchException");
    call(&tables, 600, "TransactWriteItems", counted_put(1, "t1")).unwrap();
    assert_eq!(count(&tables), 2);
}

#[test]
fn a_cancelled_transaction_is_not_remembered_and_says_why_for_each_action() {
    let tables = open(None);
    create(&tables);
    let mut input = counted_put(1, "t1");
    input["TransactItems"][0]["Put"]["ConditionExpression"] = json!("attribute_exists(pk)");
    let cancelled = call(&tables, 0, "TransactWriteItems", input.clone()).unwrap_err();
    assert_eq!(cancelled.code, "TransactionCanceledException");
    let codes: Vec<&Value> =
        cancelled.details["CancellationReasons"].as_array().unwrap().iter().map(|reason| &reason["Code"]).collect();
    assert_eq!(codes, ["ConditionalCheckFailed", "None"]);
    call(&tables, 1, "PutItem", json!({ "TableName": "ledger", "Item": { "pk": { "S": "REC#1" } } })).unwrap();
    call(&tables, 2, "TransactWriteItems", input).unwrap();
    assert_eq!(count(&tables), 1);
}

#[test]
fn the_order_of_an_items_members_and_the_wish_for_capacity_do_not_make_another_request() {
    let tables = open(None);
    create(&tables);
    let text = |members: &str| {
        let text = format!(
            r#"{{"ClientRequestToken":"t","TransactItems":[{{"Put":{{"TableName":"ledger","Item":{{{members}}}}}}}]}}"#
        );
        serde_json::from_str::<Value>(&text).unwrap()
    };
    call(&tables, 0, "TransactWriteItems", text(r#""pk":{"S":"a"},"b":{"N":"1"}"#)).unwrap();
    let mut again = text(r#""b":{"N":"1"},"pk":{"S":"a"}"#);
    again["ReturnConsumedCapacity"] = json!("TOTAL");
    let answer = call(&tables, 1, "TransactWriteItems", again).unwrap();
    assert_eq!(answer["ConsumedCapacity"][0]["ReadCapacityUnits"], 2.0);
}

#[test]
fn a_hundred_actions_with_a_token_are_taken_and_are_one_transaction() {
    let tables = open(None);
    create(&tables);
    let put =
        |number: u32| json!({ "Put": { "TableName": "ledger", "Item": { "pk": { "S": format!("REC#{number}") } } } });
    let actions = |last| (1..=last).map(put).collect::<Vec<_>>();
    call(&tables, 0, "TransactWriteItems", json!({ "ClientRequestToken": "t", "TransactItems": actions(100) }))
        .unwrap();
    assert_eq!(records(&tables), 100);
    let refused = call(&tables, 0, "TransactWriteItems", json!({ "TransactItems": actions(101) })).unwrap_err();
    assert!(refused.message.ends_with("Member must have length less than or equal to 100"), "{}", refused.message);
    let long = json!({ "ClientRequestToken": "t".repeat(37), "TransactItems": actions(1) });
    let refused = call(&tables, 0, "TransactWriteItems", long).unwrap_err();
    assert!(refused.message.contains("'clientRequestToken'"), "{}", refused.message);
}

/// The process dies after SQLite's commit and before anything else of the call.
#[test]
fn a_token_is_there_as_soon_as_its_transaction_is() {
    let directory = tempfile::tempdir().unwrap();
    create(&open(Some(directory.path())));
    let path = directory.path().join("dynamodb").join(ACCOUNT).join(format!("{REGION}.sqlite"));
    let writes: [(&str, Value); 3] = [
        ("put", json!({ "Put": { "TableName": "ledger", "Item": { "pk": { "S": "a" } } } })),
        (
            "update",
            json!({ "Update": { "TableName": "ledger", "Key": { "pk": { "S": "a" } }, "UpdateExpression": "SET b = :b",
                                "ExpressionAttributeValues": { ":b": { "S": "x" } } } }),
        ),
        ("delete", json!({ "Delete": { "TableName": "ledger", "Key": { "pk": { "S": "a" } } } })),
    ];
    for (token, action) in writes {
        let input = json!({ "TransactItems": [action] });
        let hash = tokens::hash_of("TransactWriteItems", &input);
        let dies = Database::open(Some(&path), ACCOUNT, REGION).unwrap();
        dies.expect("TransactWriteItems", token, &hash, at(0).as_millisecond()).unwrap();
        dies.pass_through("TransactWriteItems", input).unwrap();
        // Nothing is closed or cleaned up.
        std::mem::forget(dies);
        let reopened = Database::open(Some(&path), ACCOUNT, REGION).unwrap();
        assert_eq!(reopened.remembered("TransactWriteItems", token).unwrap(), Some(hash), "{token}");
    }
}

/// In the child: transactions one after another, each said aloud when it is answered.
fn write_until_killed(directory: &Path) -> ! {
    let tables = open(Some(directory));
    let mut number = records(&tables);
    loop {
        number += 1;
        call(&tables, 0, "TransactWriteItems", counted_put(number, &format!("t{number}"))).unwrap();
        println!("answered {number}");
        std::io::stdout().flush().unwrap();
    }
}

#[test]
fn whenever_the_process_is_killed_nothing_answered_is_lost_and_nothing_is_done_twice() {
    if let Some(directory) = std::env::var_os(DIRECTORY) {
        write_until_killed(Path::new(&directory));
    }
    let directory = tempfile::tempdir().unwrap();
    create(&open(Some(directory.path())));
    for round in 1..=8_usize {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture"])
            .arg("dynamodb::tests::whenever_the_process_is_killed_nothing_answered_is_lost_and_nothing_is_done_twice")
            .env(DIRECTORY, directory.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        // Killed while it goes on writing: somewhere in the transaction after the one that was read last.
        let heard = lines.by_ref().filter_map(|line| line.strip_prefix("answered ")?.parse::<u64>().ok());
        let first = heard.take(1 + round * 3).last().unwrap();
        child.kill().unwrap();
        let answered =
            lines.filter_map(|line| line.strip_prefix("answered ")?.parse().ok()).max().unwrap_or(first).max(first);
        child.wait().unwrap();

        let tables = open(Some(directory.path()));
        let applied = records(&tables);
        assert!(applied == answered || applied == answered + 1, "{answered} answered, {applied} applied");
        // A client whose answer was lost retries with its token: applied or not before, it counts once.
        call(&tables, 0, "TransactWriteItems", counted_put(answered + 1, &format!("t{}", answered + 1))).unwrap();
        assert_eq!((records(&tables), count(&tables)), (answered + 1, answered + 1));
    }
}

#[test]
fn tables_are_born_on_the_clouds_clock_and_have_this_accounts_arns() {
    let tables = open(None);
    let made = create(&tables);
    let described = call(&tables, 500, "DescribeTable", json!({ "TableName": "ledger" })).unwrap();
    for table in [&made["TableDescription"], &described["Table"]] {
        assert_eq!(table["CreationDateTime"], json!(at(0).as_second() as f64));
        assert_eq!(table["TableArn"], "arn:aws:dynamodb:us-east-1:211125768252:table/ledger");
    }
    assert_eq!(made["TableDescription"]["TableId"], described["Table"]["TableId"]);
    let by_arn = json!({ "TableName": "arn:aws:dynamodb:us-east-1:211125768252:table/ledger" });
    assert_eq!(call(&tables, 0, "DescribeTable", by_arn).unwrap()["Table"]["TableName"], "ledger");
}

#[test]
fn continuous_backups_are_remembered() {
    let directory = tempfile::tempdir().unwrap();
    let tables = open(Some(directory.path()));
    create(&tables);
    let recovery = |answer: Value| answer["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"].clone();
    let off = call(&tables, 0, "DescribeContinuousBackups", json!({ "TableName": "ledger" })).unwrap();
    assert_eq!(recovery(off), json!({ "PointInTimeRecoveryStatus": "DISABLED" }));
    let input = json!({
        "TableName": "ledger",
        "PointInTimeRecoverySpecification": { "PointInTimeRecoveryEnabled": true, "RecoveryPeriodInDays": 7 },
    });
    call(&tables, 100, "UpdateContinuousBackups", input).unwrap();
    drop(tables);
    let tables = open(Some(directory.path()));
    let on = recovery(call(&tables, 1000, "DescribeContinuousBackups", json!({ "TableName": "ledger" })).unwrap());
    assert_eq!((&on["PointInTimeRecoveryStatus"], &on["RecoveryPeriodInDays"]), (&json!("ENABLED"), &json!(7)));
    assert_eq!(on["EarliestRestorableDateTime"], json!(at(100).as_second() as f64));
    assert_eq!(on["LatestRestorableDateTime"], json!(at(700).as_second() as f64));
    let missing = call(&tables, 0, "DescribeContinuousBackups", json!({ "TableName": "other" })).unwrap_err();
    assert_eq!((missing.code.as_str(), missing.message.as_str()), ("TableNotFoundException", "Table not found: other"));
}

#[test]
fn accounts_and_regions_do_not_see_each_others_tables() {
    let tables = open(None);
    create(&tables);
    for (account, region) in [("999999999999", REGION), (ACCOUNT, "eu-west-1")] {
        let list = tables.call("ListTables", json!({}), account, region, at(0)).unwrap();
        assert_eq!(list["TableNames"], json!([]));
    }
}

#[test]
fn errors_carry_no_marks_and_members_that_would_be_lost_are_refused() {
    let tables = open(None);
    create(&tables);
    let cases = [
        ("PutItem", json!({ "TableName": "ledger" })),
        ("DeleteTable", json!({})),
        ("GetItem", json!({ "TableName": "x", "Key": {} })),
        ("PutItem", json!({ "TableName": "ledger", "Item": { "pk": { "N": "one" } } })),
        ("PutItem", json!({ "TableName": "ledger", "Item": { "pk": { "SS": [] } } })),
        ("UpdateItem", json!({ "TableName": "ledger", "Key": { "pk": { "S": "" } } })),
    ];
    for (operation, input) in cases {
        let refused = call(&tables, 0, operation, input.clone()).unwrap_err();
        assert_eq!(refused.code, "ValidationException", "{operation} {input}: {}", refused.message);
        assert!(!refused.message.contains("VALIDATION"), "{}", refused.message);
    }
    let unknown = json!({ "TableName": "ledger", "Item": { "pk": { "S": "a" } }, "Urgent": true });
    let refused = call(&tables, 0, "PutItem", unknown).unwrap_err();
    assert_eq!(refused.message, "The embedded cloud does not know PutItem's member Urgent.");
    let condition = json!({
        "TableName": "ledger", "Item": { "pk": { "S": "a" } }, "ConditionExpression": "attribute_exists(pk)",
    });
    let refused = call(&tables, 0, "PutItem", condition).unwrap_err();
    assert_eq!(refused.code, "ConditionalCheckFailedException");
    assert_eq!(refused.message, "The conditional request failed");
}
