//! IAM and STS by the SDK.

use aws_sdk_iam::error::ProvideErrorMetadata;
use aws_sdk_iam::types::Tag;

use crate::support;

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"logs:PutLogEvents","Resource":"arn:aws:logs:us-east-1:211125768252:log-group:/ecs/dev/a b:*"}]}"#;

/// What a client does with a document of an answer.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        if *first == b'%' {
            bytes.push(u8::from_str_radix(std::str::from_utf8(&more[..2]).unwrap(), 16).unwrap());
            rest = &more[2..];
        } else {
            bytes.push(*first);
            rest = more;
        }
    }
    String::from_utf8(bytes).unwrap()
}

async fn create(iam: &aws_sdk_iam::Client) {
    let tag = Tag::builder().key("ropewalk:fleet").value("dev").build().unwrap();
    iam.create_role()
        .role_name("agent")
        .path("/ropewalk/")
        .assume_role_policy_document(TRUST)
        .description("runs an agent")
        .tags(tag)
        .send()
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_role_is_read_as_it_was_made() {
    let cloud = support::cloud();
    let iam = support::iam(&cloud);
    create(&iam).await;
    let answer = iam.get_role().role_name("agent").send().await.unwrap();
    let role = answer.role().unwrap();
    assert_eq!(role.arn(), "arn:aws:iam::211125768252:role/ropewalk/agent");
    assert_eq!((role.path(), role.max_session_duration()), ("/ropewalk/", Some(3600)));
    assert_eq!(role.create_date().secs(), 1_793_620_800);
    assert_eq!((role.tags()[0].key(), role.tags()[0].value()), ("ropewalk:fleet", "dev"));
    let document = role.assume_role_policy_document().unwrap();
    assert!(document.starts_with("%7B%22Version%22%3A%222012-10-17%22"), "{document}");
    assert_eq!(decoded(document), TRUST);
    let again = iam.create_role().role_name("Agent").assume_role_policy_document(TRUST).send().await.unwrap_err();
    assert_eq!(again.message(), Some("Role with name Agent already exists."));
    assert!(again.into_service_error().is_entity_already_exists_exception());
    let missing = iam.get_role().role_name("none").send().await.unwrap_err();
    assert_eq!(missing.raw_response().unwrap().status().as_u16(), 404);
    assert_eq!(missing.message(), Some("The role with name none cannot be found."));
    assert!(missing.into_service_error().is_no_such_entity_exception());
    let malformed = iam.update_assume_role_policy().role_name("agent").policy_document("{").send().await.unwrap_err();
    assert!(malformed.into_service_error().is_malformed_policy_document_exception());
}

#[tokio::test(start_paused = true)]
async fn a_role_goes_only_after_its_policies() {
    let cloud = support::cloud();
    let iam = support::iam(&cloud);
    create(&iam).await;
    let managed = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy";
    iam.put_role_policy().role_name("agent").policy_name("p").policy_document(POLICY).send().await.unwrap();
    iam.attach_role_policy().role_name("agent").policy_arn(managed).send().await.unwrap();
    let read = iam.get_role_policy().role_name("agent").policy_name("p").send().await.unwrap();
    assert_eq!(decoded(read.policy_document()), POLICY);
    assert!(!read.policy_document().contains('+') && read.policy_document().contains("%20"));
    let names = iam.list_role_policies().role_name("agent").send().await.unwrap();
    assert_eq!(names.policy_names(), ["p"]);
    let attached = iam.list_attached_role_policies().role_name("agent").send().await.unwrap();
    assert_eq!(attached.attached_policies()[0].policy_name(), Some("AmazonECSTaskExecutionRolePolicy"));
    let conflict = || async { iam.delete_role().role_name("agent").send().await.unwrap_err() };
    assert_eq!(conflict().await.message(), Some("Cannot delete entity, must detach all policies first."));
    iam.detach_role_policy().role_name("agent").policy_arn(managed).send().await.unwrap();
    let left = conflict().await;
    assert_eq!(left.message(), Some("Cannot delete entity, must delete policies first."));
    assert!(left.into_service_error().is_delete_conflict_exception());
    iam.delete_role_policy().role_name("agent").policy_name("p").send().await.unwrap();
    iam.delete_role().role_name("agent").send().await.unwrap();
    let unknown = "arn:aws:iam::211125768252:policy/none";
    create(&iam).await;
    let missing = iam.attach_role_policy().role_name("agent").policy_arn(unknown).send().await.unwrap_err();
    assert_eq!(missing.code(), Some("NoSuchEntity"));
}

#[tokio::test(start_paused = true)]
async fn tags_settings_and_lists_go_through_the_query_protocol() {
    let cloud = support::cloud();
    let iam = support::iam(&cloud);
    for number in 0..12 {
        let name = format!("role-{number:02}");
        iam.create_role().role_name(name).assume_role_policy_document(TRUST).send().await.unwrap();
    }
    let first = iam.list_roles().max_items(10).send().await.unwrap();
    assert_eq!((first.roles().len(), first.is_truncated()), (10, true));
    let second = iam.list_roles().marker(first.marker().unwrap()).send().await.unwrap();
    assert_eq!((second.roles().len(), second.is_truncated()), (2, false));
    let tag = |key: &str| Tag::builder().key(key).value("1 < 2 & \"3\"").build().unwrap();
    iam.tag_role().role_name("role-00").tags(tag("a")).tags(tag("b")).send().await.unwrap();
    iam.untag_role().role_name("role-00").tag_keys("a").send().await.unwrap();
    let tags = iam.list_role_tags().role_name("role-00").send().await.unwrap();
    assert_eq!((tags.tags().len(), tags.tags()[0].value()), (1, "1 < 2 & \"3\""));
    iam.untag_role().role_name("role-00").set_tag_keys(Some(Vec::new())).send().await.unwrap();
    iam.update_role().role_name("role-00").max_session_duration(7200).send().await.unwrap();
    let role = iam.get_role().role_name("role-00").send().await.unwrap();
    assert_eq!(role.role().unwrap().max_session_duration(), Some(7200));
    let long = iam.get_role().role_name("x".repeat(65)).send().await.unwrap_err();
    assert_eq!(long.code(), Some("ValidationError"));
    let many = (0..51).map(|number| tag(&format!("k{number}"))).collect();
    let refused = iam.tag_role().role_name("role-00").set_tags(Some(many)).send().await.unwrap_err();
    assert!(refused.into_service_error().is_limit_exceeded_exception());
}

#[tokio::test(start_paused = true)]
async fn sts_names_the_account_and_lends_roles() {
    let cloud = support::cloud();
    let sts = support::sts(&cloud);
    let caller = sts.get_caller_identity().send().await.unwrap();
    assert_eq!(caller.account(), Some("211125768252"));
    create(&support::iam(&cloud)).await;
    let arn = "arn:aws:iam::211125768252:role/ropewalk/agent";
    let lent = sts.assume_role().role_arn(arn).role_session_name("night").duration_seconds(900).send().await.unwrap();
    assert_eq!(lent.assumed_role_user().unwrap().arn(), "arn:aws:sts::211125768252:assumed-role/agent/night");
    assert_eq!(lent.credentials().unwrap().expiration().secs(), 1_793_620_800 + 900);
    let refused = sts.assume_role().role_arn(format!("{arn}2")).role_session_name("night").send().await.unwrap_err();
    assert_eq!(refused.code(), Some("AccessDenied"));
}
