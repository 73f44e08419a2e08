//! What has to be right before a task's containers run: roles, secrets, logs, images.

use super::container::ContainerDefinition;
use super::task_definition::TaskDefinition;
use crate::behaviour::Behaviour;
use crate::world::World;
use crate::{ecr, iam, logs, secretsmanager};

/// ECS takes on the task's roles when it launches one; Err is the reason that the service's event gives.
pub(super) fn assume_roles(world: &World, definition: &TaskDefinition) -> Result<(), String> {
    let content = &definition.content;
    [&content.task_role_arn, &content.execution_role_arn]
        .into_iter()
        .flatten()
        .try_for_each(|role| iam::role_for_tasks(world, role))
}

/// An image as it was pulled.
pub(super) struct Pulled {
    pub(super) digest: String,
    pub(super) behaviour: Behaviour,
    /// From the task's start until it passes health checks.
    pub(super) ready_after_seconds: u64,
}

/// What the execution role is for.
pub(super) struct Start<'a> {
    pub(super) world: &'a World,
    pub(super) definition: &'a TaskDefinition,
    pub(super) task: &'a str,
}

impl Start<'_> {
    /// Everything but the images. Err is AWS's `stoppedReason`.
    pub(super) fn initialise(&self) -> Result<(), String> {
        let containers = &self.definition.content.container_definitions;
        if containers.iter().any(|container| repository(&container.image).is_some()) {
            self.allow("ecr:GetAuthorizationToken", "*")
                .map_err(|denied| format!("{NO_AUTH}: unable to retrieve ecr registry auth: {RETRIED}: {denied}"))?;
        }
        containers.iter().try_for_each(|container| self.fetch_secrets(container))?;
        containers.iter().try_for_each(|container| self.open_log(container))
    }

    fn fetch_secrets(&self, container: &ContainerDefinition) -> Result<(), String> {
        for secret in &container.secrets {
            // `arn:aws:secretsmanager:region:account:secret:name` may go on with `:key:stage:version`.
            let arn = secret.value_from.splitn(8, ':').take(7).collect::<Vec<_>>().join(":");
            let failed = |cause: String| {
                format!(
                    "{NO_AUTH}: unable to retrieve secret from asm: {RETRIED}: failed to fetch secret {arn} from \
                     secrets manager: {cause}"
                )
            };
            let real = secretsmanager::real_arn(self.world, &arn);
            self.allow("secretsmanager:GetSecretValue", real.unwrap_or(&arn)).map_err(failed)?;
            if real.is_none() {
                return Err(failed(String::from(
                    "ResourceNotFoundException: Secrets Manager can't find the specified secret.",
                )));
            }
        }
        Ok(())
    }

    fn open_log(&self, container: &ContainerDefinition) -> Result<(), String> {
        let Some((group, stream)) = container.log_stream(self.task) else { return Ok(()) };
        let failed = |cause: String| {
            format!(
                "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: \
                 failed to create Cloudwatch log stream: {cause} : exit status 1"
            )
        };
        let World { region, account, .. } = self.world;
        let resource = format!("arn:aws:logs:{region}:{account}:log-group:{group}:log-stream:{stream}");
        for action in ["logs:CreateLogStream", "logs:PutLogEvents"] {
            self.allow(action, &resource).map_err(failed)?;
        }
        if !logs::group_exists(self.world, group) {
            return Err(failed(String::from("ResourceNotFoundException: The specified log group does not exist.")));
        }
        Ok(())
    }

    /// Pulls an image, given as the container's own reference or pinned to a digest. Err is AWS's `stoppedReason`.
    pub(super) fn pull(&self, image: &str) -> Result<Pulled, String> {
        if let Some(name) = repository(image) {
            let World { region, account, .. } = self.world;
            let arn = format!("arn:aws:ecr:{region}:{account}:repository/{name}");
            for action in ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"] {
                self.allow(action, &arn).map_err(|denied| {
                    format!(
                        "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve \
                         ref {image}: {denied}"
                    )
                })?;
            }
        }
        let resolved = ecr::resolve(self.world, image)?;
        Ok(Pulled {
            digest: resolved.digest,
            behaviour: resolved.behaviour,
            ready_after_seconds: resolved.ready_after.map_or(0, |time| time.as_secs()),
        })
    }

    /// Whether the execution role may do this. Err is the end of AWS's sentence.
    fn allow(&self, action: &str, resource: &str) -> Result<(), String> {
        let role = self.definition.content.execution_role_arn.as_deref();
        if role.is_some_and(|role| iam::allows(self.world, role, action, resource)) {
            return Ok(());
        }
        let name = role.and_then(|role| role.rsplit('/').next()).unwrap_or("none");
        Err(format!(
            "AccessDeniedException: User: arn:aws:sts::{}:assumed-role/{name}/{} is not authorized to perform: {action} \
             on resource: {resource} because no identity-based policy allows the {action} action",
            self.world.account, self.task
        ))
    }
}

const NO_AUTH: &str =
    "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed";
const RETRIED: &str = "service call has been retried 1 time(s)";

/// The repository's name in an ECR image reference (`account.dkr.ecr.region.amazonaws.com/name:tag`).
fn repository(image: &str) -> Option<&str> {
    let (host, path) = image.split_once('/')?;
    host.contains(".dkr.ecr.").then(|| without_tag(path))
}

/// An image reference without its tag or digest.
pub(super) fn without_tag(image: &str) -> &str {
    let name = image.split('@').next().unwrap_or(image);
    match name.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_digests_end_a_reference_and_ports_do_not() {
        assert_eq!(without_tag("host:5000/a/b:v1"), "host:5000/a/b");
        assert_eq!(without_tag("host:5000/a/b"), "host:5000/a/b");
        assert_eq!(without_tag("a/b:v1@sha256:00"), "a/b");
        assert_eq!(repository("1.dkr.ecr.eu.amazonaws.com/p/a@sha256:00"), Some("p/a"));
        assert_eq!(repository("nginx:latest"), None);
    }
}
