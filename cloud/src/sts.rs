//! Security Token Service.

use jiff::SignedDuration;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::service::{Outcome, ServiceError, input_or};
use crate::tags::Tag;
use crate::world::World;

/// Answers one call.
pub(crate) fn call(world: &mut World, operation: &str, input: Value) -> Outcome {
    match operation {
        "GetCallerIdentity" => caller_identity(world, read(input)?),
        "AssumeRole" => assume_role(world, read(input)?),
        _ => Err(ServiceError::unknown_operation("sts", operation)),
    }
}

fn read<T: DeserializeOwned>(value: Value) -> Result<T, ServiceError> {
    input_or(value, "ValidationError")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CallerIdentityInput {}

/// Who calls is always the user `embedded`: signatures are not checked here.
fn caller_identity(world: &mut World, _input: CallerIdentityInput) -> Outcome {
    Ok(json!({
        "UserId": "AIDAEMBEDDEDCLOUDUSER",
        "Account": world.account,
        "Arn": format!("arn:aws:iam::{}:user/embedded", world.account),
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct AssumeRoleInput {
    role_arn: String,
    role_session_name: String,
    duration_seconds: Option<String>,
    external_id: Option<String>,
    source_identity: Option<String>,
    #[serde(default, rename = "Tags")]
    _tags: Vec<Tag>,
}

/// Anyone in the account may take on a role that is there; its trust policy is not evaluated for people.
fn assume_role(world: &mut World, input: AssumeRoleInput) -> Outcome {
    let session = &input.role_session_name;
    let letters = session.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte));
    if !(2..=64).contains(&session.len()) || !letters {
        return Err(constraint(
            session,
            "roleSessionName",
            "Member must satisfy regular expression pattern: [\\w+=,.@-]*",
        ));
    }
    if let Some(external) = input.external_id.as_deref().filter(|text| !(2..=1224).contains(&text.len())) {
        return Err(constraint(external, "externalId", "Member must have length between 2 and 1224"));
    }
    let given = input.duration_seconds.as_deref().unwrap_or("3600");
    let seconds = match given.parse::<i64>() {
        Ok(seconds @ 900..=43_200) => seconds,
        _ => return Err(constraint(given, "durationSeconds", "Member must have value between 900 and 43200")),
    };
    let (role_id, name) = crate::iam::assumable(world, &input.role_arn).ok_or_else(|| {
        ServiceError::new(
            "AccessDenied",
            format!(
                "User: arn:aws:iam::{}:user/embedded is not authorized to perform: sts:AssumeRole on resource: {}",
                world.account, input.role_arn
            ),
        )
        .with_status(403)
    })?;
    let key = world.ids.hex32().to_ascii_uppercase();
    let mut answer = json!({
        "Credentials": {
            "AccessKeyId": format!("ASIA{}", &key[..16]),
            "SecretAccessKey": world.ids.hex32(),
            "SessionToken": world.ids.hex32(),
            "Expiration": (world.now + SignedDuration::from_secs(seconds)).to_string(),
        },
        "AssumedRoleUser": {
            "AssumedRoleId": format!("{role_id}:{session}"),
            "Arn": format!("arn:aws:sts::{}:assumed-role/{name}/{session}", world.account),
        },
    });
    if let Some(identity) = input.source_identity {
        answer["SourceIdentity"] = json!(identity);
    }
    Ok(answer)
}

fn constraint(value: &str, member: &str, text: &str) -> ServiceError {
    ServiceError::new(
        "ValidationError",
        format!("1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {text}"),
    )
}
