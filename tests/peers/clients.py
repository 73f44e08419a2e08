"""boto3 and the AWS CLI against a living `ropewalk up`: what the operator made must be what they list and describe."""

import hashlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from typing import Any

import boto3

from counting import Counter

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ["ROPEWALK_BIN"]
CLUSTER = "vitracka-agents"
ACCOUNT = "211125768252"
REGION = "us-east-1"
# Tests against the embedded cloud name no real credentials, whatever the machine has.
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
    "AWS_ACCESS_KEY_ID": "peer",
    "AWS_SECRET_ACCESS_KEY": "peer",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
}


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def ropewalk(folder: pathlib.Path, *arguments: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    command = [BINARY, *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(arguments)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


class Client:
    """boto3 clients of one endpoint."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint

    def __getattr__(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id="peer",
            aws_secret_access_key="peer",
        )


def compute(aws: Client, count: Counter, status: dict[str, Any]) -> None:
    """The service and all below it, as ECS tells it."""
    fleet, agent = status["agent"].split("/")
    name, serving, ecs = f"{fleet}-{agent}", status["serving"], aws.ecs
    service = ecs.describe_services(cluster=CLUSTER, services=[name], include=["TAGS"])["services"][0]
    seen = {key: service[key] for key in ("status", "runningCount", "desiredCount", "taskDefinition", "launchType")}
    tasks = status["tasks"]
    expected = {
        "status": "ACTIVE",
        "runningCount": tasks["running"],
        "desiredCount": tasks["desired"],
        "taskDefinition": serving["taskDefinition"],
        "launchType": "FARGATE",
    }
    count.same(f"describe_services {name}", seen, expected)
    tags = {tag["key"]: tag["value"] for tag in service["tags"]}
    count.same("the service's owner tags", (tags["ropewalk:fleet"], tags["ropewalk:agent"]), (fleet, agent))
    listed = ecs.list_tags_for_resource(resourceArn=service["serviceArn"])["tags"]
    count.same("list_tags_for_resource", {tag["key"]: tag["value"] for tag in listed}, tags)
    count.same("list_services", service["serviceArn"] in ecs.list_services(cluster=CLUSTER)["serviceArns"], True)

    definition = ecs.describe_task_definition(taskDefinition=serving["taskDefinition"], include=["TAGS"])
    container = definition["taskDefinition"]["containerDefinitions"][0]
    count.same("the image is pinned", container["image"].split("@")[1], serving["digest"])
    revision = {pair["name"]: pair["value"] for pair in container["environment"]}["AGENT_REVISION"]
    hashes = {tag["key"]: tag["value"] for tag in definition["tags"]}
    count.same("the revision label is of the hash", hashes["ropewalk:task-definition-hash"][:12], revision)
    families = ecs.list_task_definition_families(familyPrefix=name, status="ACTIVE")["families"]
    count.same("list_task_definition_families", families, [name])
    definitions = ecs.list_task_definitions(familyPrefix=name)["taskDefinitionArns"]
    count.same("list_task_definitions", definitions, [serving["taskDefinition"]])

    arns = ecs.list_tasks(cluster=CLUSTER, serviceName=name)["taskArns"]
    count.same("list_tasks", len(arns), tasks["running"])
    described = ecs.describe_tasks(cluster=CLUSTER, tasks=arns)["tasks"]
    states = {(task["lastStatus"], task["healthStatus"], task["taskDefinitionArn"]) for task in described}
    count.same("describe_tasks", states, {("RUNNING", "HEALTHY", serving["taskDefinition"])})

    deployments = ecs.list_service_deployments(cluster=CLUSTER, service=name)["serviceDeployments"]
    count.same("list_service_deployments", [found["status"] for found in deployments], ["SUCCESSFUL"])
    arns = [found["serviceDeploymentArn"] for found in deployments]
    deployment = ecs.describe_service_deployments(serviceDeploymentArns=arns)["serviceDeployments"][0]
    count.same("describe_service_deployments", deployment["status"], "SUCCESSFUL")
    target = deployment["targetServiceRevision"]["arn"]
    revisions = ecs.describe_service_revisions(serviceRevisionArns=[target])["serviceRevisions"]
    count.same("what really runs", revisions[0]["containerImages"][0]["imageDigest"], serving["digest"])


def images(aws: Client, count: Counter, status: dict[str, Any]) -> None:
    """The repository and its image, as ECR tells it."""
    repository, serving, ecr = f"vitracka/{status['agent'].split('/')[1]}", status["serving"], aws.ecr
    found = ecr.describe_repositories(repositoryNames=[repository])["repositories"][0]
    count.same("tags cannot move", found["imageTagMutability"], "IMMUTABLE_WITH_EXCLUSION")
    count.same("scan on push", found["imageScanningConfiguration"]["scanOnPush"], True)
    image = ecr.describe_images(repositoryName=repository, imageIds=[{"imageTag": serving["version"]}])["imageDetails"][0]
    count.same("describe_images", image["imageDigest"], serving["digest"])
    manifest = ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageTag": serving["version"]}])
    digest = "sha256:" + hashlib.sha256(manifest["images"][0]["imageManifest"].encode()).hexdigest()
    count.same("the digest is the manifest's", digest, serving["digest"])
    tags = [image.get("imageTag") for image in ecr.list_images(repositoryName=repository)["imageIds"]]
    count.same("list_images", serving["version"] in tags, True)
    rules = json.loads(ecr.get_lifecycle_policy(repositoryName=repository)["lifecyclePolicyText"])["rules"]
    count.same("lifecycle policy", [rule["selection"]["countNumber"] for rule in rules], [7, 10])


def access(aws: Client, count: Counter, status: dict[str, Any]) -> None:
    """The roles, as IAM tells them."""
    iam, base = aws.iam, f"vitracka-{status['agent'].replace('/', '-')}"
    # An agent without `models` may do nothing by itself: its task role has no policy.
    may_invoke = status["agent"] == "prod/coach-companion"
    kinds = (("exec", "ecr:BatchGetImage", True), ("task", "bedrock:InvokeModel", may_invoke))
    for kind, action, has_policy in kinds:
        role = iam.get_role(RoleName=f"{base}-{kind}")["Role"]
        trusted = role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]
        count.same(f"the {kind} role's trust", trusted, {"Service": "ecs-tasks.amazonaws.com"})
        names = iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]
        count.same(f"the {kind} role's policies", names, ["ropewalk"] if has_policy else [])
        if not has_policy:
            continue
        policy = iam.get_role_policy(RoleName=role["RoleName"], PolicyName="ropewalk")["PolicyDocument"]
        actions = [name for statement in policy["Statement"] for name in listed(statement["Action"])]
        count.same(f"the {kind} role's permissions", action in actions, True)


def listed(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]


def signals(aws: Client, count: Counter, status: dict[str, Any]) -> None:
    """The log group, as CloudWatch Logs tells it."""
    logs, group = aws.logs, f"/ecs/{status['agent']}"
    days = {"dev": 7, "prod": 30}[status["agent"].split("/")[0]]
    found = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    count.same("describe_log_groups", [(one["logGroupName"], one["retentionInDays"]) for one in found], [(group, days)])
    streams = logs.describe_log_streams(logGroupName=group)["logStreams"]
    count.same("a stream for each task", len(streams), status["tasks"]["running"])
    events = logs.get_log_events(logGroupName=group, logStreamName=streams[0]["logStreamName"])["events"]
    count.same("the task wrote lines", len(events) > 0, True)


def everything_else(aws: Client, count: Counter, statuses: list[dict[str, Any]]) -> None:
    """Identity, secrets, alarms, and the ledger itself."""
    count.same("get_caller_identity", aws.sts.get_caller_identity()["Account"], ACCOUNT)
    clusters = aws.ecs.list_clusters()["clusterArns"]
    count.same("list_clusters", [arn.split("/")[-1] for arn in clusters], [CLUSTER])
    cluster = aws.ecs.describe_clusters(clusters=[CLUSTER])["clusters"][0]
    count.same("describe_clusters", cluster["activeServicesCount"], len(statuses))
    names = [secret["Name"] for secret in aws.secretsmanager.list_secrets()["SecretList"]]
    count.same("list_secrets", any(name.startswith("bedrock-api-key") for name in names), True)
    count.same("describe_alarms", aws.cloudwatch.describe_alarms(StateValue="ALARM")["MetricAlarms"], [])
    table = aws.dynamodb.describe_table(TableName="ropewalk")["Table"]
    count.same("describe_table", (table["TableStatus"], len(table["KeySchema"])), ("ACTIVE", 2))
    for status in statuses:
        found = aws.dynamodb.query(
            TableName="ropewalk",
            ConsistentRead=True,
            KeyConditionExpression="pk = :agent AND begins_with(sk, :record)",
            ExpressionAttributeValues={":agent": {"S": f"AGENT#{status['agent']}"}, ":record": {"S": "REC#"}},
        )
        numbers = [int(item["sk"]["S"].removeprefix("REC#")) for item in found["Items"]]
        count.same("the ledger has no gap", numbers, list(range(1, len(numbers) + 1)))


def command_line(endpoint: str, count: Counter, statuses: list[dict[str, Any]]) -> None:
    """The AWS CLI, as people type it."""

    def aws(*arguments: str) -> Any:
        command = ["aws", "--endpoint-url", endpoint, "--output", "json", *arguments]
        done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"aws {' '.join(arguments)}: {done.stderr}")
        return json.loads(done.stdout) if done.stdout.strip() else None

    names = sorted(status["agent"].replace("/", "-") for status in statuses)
    services = aws("ecs", "list-services", "--cluster", CLUSTER)["serviceArns"]
    count.same("ecs list-services", sorted(arn.split("/")[-1] for arn in services), names)
    for status in statuses:
        fleet, agent = status["agent"].split("/")
        name = f"{fleet}-{agent}"
        described = aws("ecs", "describe-services", "--cluster", CLUSTER, "--services", name)["services"][0]
        count.same("ecs describe-services", described["runningCount"], status["tasks"]["running"])
        images = aws("ecr", "describe-images", "--repository-name", f"vitracka/{agent}")["imageDetails"]
        count.same("ecr describe-images", status["serving"]["digest"] in [one["imageDigest"] for one in images], True)
        role = aws("iam", "get-role", "--role-name", f"vitracka-{name}-exec")["Role"]
        count.same("iam get-role", role["RoleName"], f"vitracka-{name}-exec")
        groups = aws("logs", "describe-log-groups", "--log-group-name-prefix", f"/ecs/{fleet}/{agent}")["logGroups"]
        count.same("logs describe-log-groups", len(groups), 1)
    count.same("sts get-caller-identity", aws("sts", "get-caller-identity")["Account"], ACCOUNT)
    count.same("dynamodb list-tables", aws("dynamodb", "list-tables")["TableNames"], ["ropewalk"])
    alarms = aws("cloudwatch", "describe-alarms", "--alarm-name-prefix", "ropewalk/")["MetricAlarms"]
    count.same("cloudwatch describe-alarms", alarms, [])


def main() -> None:
    folder = pathlib.Path(tempfile.mkdtemp(prefix="ropewalk-peers-"))
    shutil.copytree(ROOT / "desired-state", folder / "desired-state")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    listen = f"127.0.0.1:{free_port()}"
    command = [BINARY, "up", "--listen", listen, "--speed", "20"]
    up = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            if (folder / ".ropewalk" / "up.json").exists():
                break
            if up.poll() is not None:
                raise SystemExit("`ropewalk up` ended before it was asked to")
            time.sleep(0.1)
        ropewalk(folder, "wait", "--all", "--for", "ready", "--timeout", "5m")
        statuses = json.loads(ropewalk(folder, "status", "-o", "json"))
        statuses = statuses["agents"] if isinstance(statuses, dict) else statuses
        aws, count = Client(f"http://{listen}"), Counter("boto3")
        for status in statuses:
            for compare in (compute, images, access, signals):
                compare(aws, count, status)
        everything_else(aws, count, statuses)
        count.close()
        count = Counter("AWS CLI")
        command_line(f"http://{listen}", count, statuses)
        count.close()
    finally:
        up.send_signal(signal.SIGTERM)
        up.wait(timeout=60)
        shutil.rmtree(folder)


main()
