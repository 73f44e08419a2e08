use super::*;

const ARN: &str = "arn:aws:secretsmanager:us-east-1:211125768252:secret:bedrock-api-key";

fn world() -> World {
    World::new("211125768252", "us-east-1", "2026-11-02T12:00:00Z".parse().unwrap(), 7)
}

#[test]
fn a_secret_is_found_with_and_without_its_suffix_and_with_what_a_task_definition_puts_behind() {
    let mut world = world();
    assert!(real_arn(&world, ARN).is_none());
    let made = call(&mut world, "CreateSecret", json!({ "Name": "bedrock-api-key" })).unwrap();
    let full = made["ARN"].as_str().unwrap().to_owned();
    assert!(real_arn(&world, &full).is_none(), "a secret without a value starts no task");
    call(&mut world, "PutSecretValue", json!({ "SecretId": full, "SecretString": "s" })).unwrap();
    for arn in [ARN.to_owned(), full.clone(), format!("{full}:password::"), format!("{ARN}:password:AWSCURRENT:")] {
        assert!(real_arn(&world, &arn).is_some(), "{arn}");
    }
    assert!(real_arn(&world, &ARN.replace("bedrock", "other")).is_none());
    call(&mut world, "DeleteSecret", json!({ "SecretId": full })).unwrap();
    assert!(real_arn(&world, &full).is_none());
}

#[test]
fn a_preloaded_arn_with_a_suffix_keeps_it() {
    let mut world = world();
    let full = format!("{ARN}-a1B2c3");
    preload(&mut world, &full).unwrap();
    assert!(real_arn(&world, &full).is_some() && real_arn(&world, ARN).is_some());
    let described = call(&mut world, "DescribeSecret", json!({ "SecretId": "bedrock-api-key" })).unwrap();
    assert_eq!(described["ARN"], full);
}

#[test]
fn values_are_not_in_what_is_printed_for_debugging() {
    let mut world = world();
    call(&mut world, "CreateSecret", json!({ "Name": "key", "SecretString": "hunter2" })).unwrap();
    assert!(!format!("{world:?}").contains("hunter2"));
}
