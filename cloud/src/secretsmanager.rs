//! Secrets Manager: secrets by name and ARN, with their current value. Values are never in errors.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::paging::page;
use crate::service::{Outcome, ServiceError, epoch_seconds, input_or};
use crate::tags::{self, Tag, Tags};
use crate::world::World;

/// Secrets Manager: secrets by name.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Secrets {
    #[serde(default)]
    secrets: BTreeMap<String, Secret>,
}

#[derive(Serialize, Deserialize)]
struct Secret {
    arn: String,
    description: Option<String>,
    kms_key: Option<String>,
    created_at: Timestamp,
    changed_at: Timestamp,
    /// When it was marked for deletion, and when it will be gone.
    deleted: Option<(Timestamp, Timestamp)>,
    #[serde(default)]
    tags: Tags,
    version: Option<Version>,
    previous: Option<Version>,
}

/// Without the values: this may be printed.
impl std::fmt::Debug for Secret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Secret").field("arn", &self.arn).finish_non_exhaustive()
    }
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct Version {
    id: String,
    created_at: Timestamp,
    text: Option<String>,
    /// Base64, as on the wire.
    binary: Option<String>,
}

/// Answers one call.
pub(crate) fn call(world: &mut World, operation: &str, input: Value) -> Outcome {
    purge(world);
    match operation {
        "CreateSecret" => create(world, read(input)?),
        "DescribeSecret" => describe(world, read(input)?),
        "GetSecretValue" => get_value(world, read(input)?),
        "ListSecrets" => list(world, read(input)?),
        "PutSecretValue" => put_value(world, read(input)?),
        "DeleteSecret" => delete(world, read(input)?),
        _ => Err(ServiceError::unknown_operation("secretsmanager", operation)),
    }
}

fn read<T: DeserializeOwned>(value: Value) -> Result<T, ServiceError> {
    input_or(value, "ValidationException")
}

/// The whole ARN of the secret that an ARN names with or without its six-character suffix, if it has a value: the one
/// that IAM policies are judged against. A task definition may name a JSON key, a stage and a version behind the ARN:
/// they are not looked at.
pub(crate) fn real_arn<'a>(world: &'a World, arn: &str) -> Option<&'a str> {
    // arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME[:json-key:stage:version]
    let secret: Vec<&str> = arn.splitn(8, ':').take(7).collect();
    let (_, secret) = find(world, &secret.join(":"))?;
    (secret.version.is_some() && secret.deleted.is_none()).then_some(secret.arn.as_str())
}

/// Puts a secret there that a desired state names, with a value that is none. What is there stays.
///
/// # Errors
/// `ValidationException` for what is no ARN of a secret in this account and region.
pub(crate) fn preload(world: &mut World, arn: &str) -> Result<(), ServiceError> {
    let prefix = arn_prefix(world);
    let Some(name) = arn.strip_prefix(&prefix) else {
        return Err(ServiceError::new("ValidationException", format!("{arn} is no ARN of a secret in {prefix}…")));
    };
    let name = name.split(':').next().unwrap_or(name);
    check_name(name)?;
    if find(world, &format!("{prefix}{name}")).is_some() {
        return Ok(());
    }
    let full_arn = if has_suffix(name) { format!("{prefix}{name}") } else { new_arn(world, name) };
    let name = if has_suffix(name) { &name[..name.len() - 7] } else { name };
    let version = new_version(world, Some("preloaded".to_owned()), None, None);
    let secret = new_secret(world, full_arn, version);
    world.secrets.secrets.insert(name.to_owned(), secret);
    Ok(())
}

fn arn_prefix(world: &World) -> String {
    format!("arn:aws:secretsmanager:{}:{}:secret:", world.region, world.account)
}

/// Six letters or digits, at least one of them a capital or a digit, behind a hyphen: `-key` and `-bedrock` are names,
/// `-a1B2c3` is a suffix.
fn has_suffix(name: &str) -> bool {
    name.len() > 7
        && name.is_char_boundary(name.len() - 7)
        && name[name.len() - 7..].strip_prefix('-').is_some_and(|suffix| {
            suffix.bytes().all(|byte| byte.is_ascii_alphanumeric())
                && suffix.bytes().any(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        })
}

fn new_arn(world: &mut World, name: &str) -> String {
    let suffix: String = world.ids.hex32().chars().take(6).collect();
    format!("{}{name}-{suffix}", arn_prefix(world))
}

fn new_version(
    world: &mut World,
    text: Option<String>,
    binary: Option<String>,
    token: Option<String>,
) -> Option<Version> {
    if text.is_none() && binary.is_none() {
        return None;
    }
    let hex = world.ids.hex32();
    let uuid = || format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]);
    Some(Version { id: token.unwrap_or_else(uuid), created_at: world.now, text, binary })
}

fn new_secret(world: &World, arn: String, version: Option<Version>) -> Secret {
    Secret {
        arn,
        description: None,
        kms_key: None,
        created_at: world.now,
        changed_at: world.now,
        deleted: None,
        tags: Tags::new(),
        version,
        previous: None,
    }
}

/// Takes away what was marked for deletion long enough.
fn purge(world: &mut World) {
    let now = world.now;
    world.secrets.secrets.retain(|_, secret| secret.deleted.is_none_or(|(_, gone_at)| now < gone_at));
}

/// By name, by ARN, or by ARN without its suffix.
fn find<'a>(world: &'a World, id: &str) -> Option<(&'a String, &'a Secret)> {
    let without_suffix = id.strip_prefix(&arn_prefix(world)).unwrap_or(id);
    world
        .secrets
        .secrets
        .get_key_value(without_suffix)
        .or_else(|| world.secrets.secrets.iter().find(|(_, secret)| secret.arn == id))
}

/// The secret of a call; one that is marked for deletion is refused.
fn live<'a>(world: &'a World, id: &str) -> Result<(&'a String, &'a Secret), ServiceError> {
    let (name, secret) = find(world, id).ok_or_else(not_found)?;
    match secret.deleted {
        None => Ok((name, secret)),
        Some(_) => {
            Err(invalid_request("You can't perform this operation on the secret because it was marked for deletion."))
        }
    }
}

fn not_found() -> ServiceError {
    ServiceError::new("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
}

fn invalid_request(text: &str) -> ServiceError {
    ServiceError::new("InvalidRequestException", text)
}

fn check_name(name: &str) -> Result<(), ServiceError> {
    let letters = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_+=.@!-".contains(&byte));
    if (1..=512).contains(&name.len()) && letters {
        return Ok(());
    }
    Err(ServiceError::new(
        "ValidationException",
        "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
    ))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct CreateInput {
    name: String,
    client_request_token: Option<String>,
    description: Option<String>,
    kms_key_id: Option<String>,
    secret_string: Option<String>,
    secret_binary: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

fn create(world: &mut World, input: CreateInput) -> Outcome {
    check_name(&input.name)?;
    check_value(&input.secret_string, &input.secret_binary)?;
    if let Some(problem) = tags::problem(&input.tags, &Tags::new()) {
        return Err(ServiceError::new("InvalidParameterException", problem.text()));
    }
    if let Some(secret) = world.secrets.secrets.get(&input.name) {
        return created_before(&input, secret);
    }
    let arn = new_arn(world, &input.name);
    let version = new_version(world, input.secret_string, input.secret_binary, input.client_request_token);
    let mut answer = json!({ "ARN": arn, "Name": input.name });
    if let Some(version) = &version {
        answer["VersionId"] = json!(version.id);
    }
    let mut secret = new_secret(world, arn, version);
    secret.description = input.description;
    secret.kms_key = input.kms_key_id;
    secret.tags = tags::from_list(input.tags);
    world.secrets.secrets.insert(input.name, secret);
    Ok(answer)
}

/// A retry with the same token and the same value is the same creation; anything else is a second secret of one name.
fn created_before(input: &CreateInput, secret: &Secret) -> Outcome {
    if secret.deleted.is_some() {
        return Err(invalid_request(
            "You can't create this secret because a secret with this name is already scheduled for deletion.",
        ));
    }
    let retried = secret.version.as_ref().filter(|version| {
        input.client_request_token.as_ref() == Some(&version.id)
            && input.secret_string == version.text
            && input.secret_binary == version.binary
    });
    match retried {
        Some(version) => Ok(json!({ "ARN": secret.arn, "Name": input.name, "VersionId": version.id })),
        None => Err(ServiceError::new(
            "ResourceExistsException",
            format!("The operation failed because the secret {} already exists.", input.name),
        )),
    }
}

fn check_value(text: &Option<String>, binary: &Option<String>) -> Result<(), ServiceError> {
    if text.is_some() && binary.is_some() {
        return Err(ServiceError::new(
            "InvalidParameterException",
            "You can't specify both a binary secret value and a string secret value in the same secret.",
        ));
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct IdInput {
    secret_id: String,
}

fn describe(world: &mut World, input: IdInput) -> Outcome {
    let (name, secret) = find(world, &input.secret_id).ok_or_else(not_found)?;
    let mut stages = serde_json::Map::new();
    for (version, stage) in [(&secret.version, "AWSCURRENT"), (&secret.previous, "AWSPREVIOUS")] {
        if let Some(version) = version {
            stages.insert(version.id.clone(), json!([stage]));
        }
    }
    let mut answer = entry(name, secret);
    answer["VersionIdsToStages"] = Value::Object(stages);
    Ok(answer)
}

fn entry(name: &str, secret: &Secret) -> Value {
    let mut value = json!({
        "ARN": secret.arn,
        "Name": name,
        "CreatedDate": epoch_seconds(secret.created_at),
        "LastChangedDate": epoch_seconds(secret.changed_at),
        "Tags": tags::to_list(&secret.tags),
    });
    if let Some(description) = &secret.description {
        value["Description"] = json!(description);
    }
    if let Some(key) = &secret.kms_key {
        value["KmsKeyId"] = json!(key);
    }
    if let Some((marked_at, _)) = secret.deleted {
        value["DeletedDate"] = epoch_seconds(marked_at);
    }
    value
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct GetValueInput {
    secret_id: String,
    version_id: Option<String>,
    version_stage: Option<String>,
}

fn get_value(world: &mut World, input: GetValueInput) -> Outcome {
    let (name, secret) = live(world, &input.secret_id)?;
    let stage = input.version_stage.as_deref();
    let versions = [(&secret.version, "AWSCURRENT"), (&secret.previous, "AWSPREVIOUS")];
    let found = versions.into_iter().find_map(|(version, held)| {
        let version = version.as_ref()?;
        let by_id = input.version_id.as_ref().is_none_or(|id| *id == version.id);
        let wanted = stage.or(input.version_id.is_none().then_some("AWSCURRENT"));
        (by_id && wanted.is_none_or(|wanted| wanted == held)).then_some((version, held))
    });
    let (version, held) = found.ok_or_else(|| {
        let which = match &input.version_id {
            Some(id) => format!("VersionId: {id}"),
            None => format!("staging label: {}", stage.unwrap_or("AWSCURRENT")),
        };
        ServiceError::new(
            "ResourceNotFoundException",
            format!("Secrets Manager can't find the specified secret value for {which}"),
        )
    })?;
    let mut answer = json!({
        "ARN": secret.arn,
        "Name": name,
        "VersionId": version.id,
        "VersionStages": [held],
        "CreatedDate": epoch_seconds(version.created_at),
    });
    if let Some(text) = &version.text {
        answer["SecretString"] = json!(text);
    }
    if let Some(binary) = &version.binary {
        answer["SecretBinary"] = json!(binary);
    }
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ListInput {
    #[serde(default)]
    include_planned_deletion: bool,
    max_results: Option<usize>,
    next_token: Option<String>,
}

fn list(world: &mut World, input: ListInput) -> Outcome {
    let limit = match input.max_results {
        None => 100,
        Some(limit @ 1..=100) => limit,
        Some(_) => return Err(ServiceError::new("InvalidParameterException", "MaxResults must be between 1 and 100.")),
    };
    let secrets = world
        .secrets
        .secrets
        .iter()
        .filter(|(_, secret)| input.include_planned_deletion || secret.deleted.is_none())
        .map(|(name, secret)| (name.clone(), entry(name, secret)));
    let page = page(secrets, limit, input.next_token.as_deref())
        .map_err(|_| ServiceError::new("InvalidNextTokenException", "Invalid next token"))?;
    let mut answer = json!({ "SecretList": page.items });
    if let Some(next) = page.next {
        answer["NextToken"] = json!(next);
    }
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct PutValueInput {
    secret_id: String,
    client_request_token: Option<String>,
    secret_string: Option<String>,
    secret_binary: Option<String>,
}

fn put_value(world: &mut World, input: PutValueInput) -> Outcome {
    check_value(&input.secret_string, &input.secret_binary)?;
    let (name, secret) = live(world, &input.secret_id)?;
    let (name, arn) = (name.clone(), secret.arn.clone());
    let known = [&secret.version, &secret.previous]
        .into_iter()
        .flatten()
        .find(|version| input.client_request_token.as_ref() == Some(&version.id))
        .cloned();
    let answer = |id: &str| json!({ "ARN": arn, "Name": name, "VersionId": id, "VersionStages": ["AWSCURRENT"] });
    if let Some(known) = known {
        let same = known.text == input.secret_string && known.binary == input.secret_binary;
        return if same {
            Ok(answer(&known.id))
        } else {
            Err(ServiceError::new(
                "ResourceExistsException",
                "You can't use ClientRequestToken for a different secret value: it belongs to an existing version.",
            ))
        };
    }
    let version =
        new_version(world, input.secret_string, input.secret_binary, input.client_request_token).ok_or_else(|| {
            ServiceError::new("InvalidRequestException", "You must provide either SecretString or SecretBinary.")
        })?;
    let reply = answer(&version.id);
    let now = world.now;
    let secret = world.secrets.secrets.get_mut(&name).ok_or_else(not_found)?;
    secret.previous = secret.version.replace(version);
    secret.changed_at = now;
    Ok(reply)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DeleteInput {
    secret_id: String,
    recovery_window_in_days: Option<i64>,
    #[serde(default)]
    force_delete_without_recovery: bool,
}

fn delete(world: &mut World, input: DeleteInput) -> Outcome {
    if input.force_delete_without_recovery && input.recovery_window_in_days.is_some() {
        return Err(ServiceError::new(
            "InvalidParameterException",
            "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
        ));
    }
    let days = input.recovery_window_in_days.unwrap_or(30);
    if !(7..=30).contains(&days) {
        return Err(ServiceError::new(
            "InvalidParameterException",
            "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).",
        ));
    }
    let (name, secret) = live(world, &input.secret_id)?;
    let (name, arn) = (name.clone(), secret.arn.clone());
    let now = world.now;
    let gone_at = if input.force_delete_without_recovery {
        world.secrets.secrets.remove(&name);
        now
    } else {
        let gone_at = now + SignedDuration::from_hours(24 * days);
        let secret = world.secrets.secrets.get_mut(&name).ok_or_else(not_found)?;
        secret.deleted = Some((now, gone_at));
        gone_at
    };
    Ok(json!({ "ARN": arn, "Name": name, "DeletionDate": epoch_seconds(gone_at) }))
}

#[cfg(test)]
mod tests;
