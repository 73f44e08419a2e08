//! A fleet: its network, its load balancer, its bounds.

use super::arn::{ArnOf, Home, check_plain};
use super::{At, allowed, distinct};
use crate::names::{AccountId, FleetName, Region};
use crate::spec::model::{Allow, Fleet, LoadBalancer, Mode, Network};
use crate::spec::problem::{Findings, ProblemKind};
use crate::spec::scalar;
use crate::spec::tree::{Content, Style};
use crate::spec::written::fleet as written;

pub(crate) fn fleet(file: &written::FleetFile, root: &At<'_>, findings: &mut Findings) -> Option<Fleet> {
    let name: Option<&FleetName> = file.metadata.get().and_then(|metadata| metadata.name.get());
    let spec = file.spec.get()?;
    let at = root.key("spec");
    account(&at.key("account"), findings);
    let home =
        Home { account: spec.account.get().map(AccountId::as_str), region: spec.region.get().map(Region::as_str) };
    check_plain(spec.notify.as_ref(), ArnOf::Topic, home, &at.key("notify"), findings);
    check_plain(spec.permissions_boundary.as_ref(), ArnOf::Policy, home, &at.key("permissionsBoundary"), findings);
    check_plain(spec.encryption_key.as_ref(), ArnOf::Key, home, &at.key("encryptionKey"), findings);
    let allow = allow(spec.allow.as_ref(), &at.key("allow"), findings);
    let network = spec.network.get().and_then(|network| self::network(network, &allow, &at.key("network"), findings));
    let load_balancer = match &spec.load_balancer {
        Some(written) => Some(load_balancer(written, home, &at.key("loadBalancer"), findings)?),
        None => None,
    };
    Some(Fleet {
        name: name?.clone(),
        project: spec.project.get()?.clone(),
        environment: *spec.environment.get()?,
        account: spec.account.get()?.clone(),
        region: spec.region.get()?.clone(),
        cluster: spec.cluster.get()?.clone(),
        network: network?,
        load_balancer,
        notify: spec.notify.clone(),
        permissions_boundary: spec.permissions_boundary.clone(),
        allow,
        mode: spec.mode.unwrap_or(Mode::Enforce),
        encryption_key: spec.encryption_key.clone(),
    })
}

/// Without quotes it is a number to YAML: tools that write it again drop leading zeros.
fn account(at: &At<'_>, findings: &mut Findings) {
    if let Some(Content::Scalar { text, style: Style::Typed }) = at.node().map(|node| &node.content)
        && !at.is_broken()
    {
        let kind = ProblemKind::InvalidValue {
            field: at.field(),
            expected: "12 digits, in quotes".to_owned(),
            hint: Some(scalar::account_hint(text)),
        };
        findings.push(at.range(), kind);
    }
}

fn network(written: &written::Network, allow: &Allow, at: &At<'_>, findings: &mut Findings) -> Option<Network> {
    if let Some(vpc) = written.vpc.get() {
        aws_id(vpc, "vpc-", "vpc-0f1e2d3c4b5a69788", &at.key("vpc"), findings);
    }
    let mut list = |items: Option<&Vec<String>>, key, (prefix, example), most: usize, bound, patterns: &[String]| {
        let at = at.key(key);
        let items = items?;
        distinct(items, false, &at, findings);
        if items.len() > most {
            let kind = ProblemKind::OutOfRange { field: at.field(), expected: format!("{most} at most"), hint: None };
            findings.push(at.range(), kind);
        }
        for (item, place) in items.iter().zip(at.items()) {
            aws_id(item, prefix, example, &place, findings);
            allowed(item, bound, patterns, &place, findings);
        }
        Some(items.iter().cloned().collect())
    };
    // awsvpcConfiguration takes 16 subnets and 5 security groups.
    let subnet = ("subnet-", "subnet-0a1b2c3d4e5f60718");
    let subnets = list(written.subnets.get(), "subnets", subnet, 16, "subnets", &allow.subnets);
    let group = ("sg-", "sg-0a1b2c3d4e5f60718");
    let groups =
        list(written.security_groups.get(), "securityGroups", group, 5, "securityGroups", &allow.security_groups);
    Some(Network { vpc: written.vpc.get()?.clone(), subnets: subnets?, security_groups: groups? })
}

/// AWS's ids are a prefix and 8 or 17 hexadecimal digits.
fn aws_id(text: &str, prefix: &str, example: &'static str, at: &At<'_>, findings: &mut Findings) {
    let is_id = text.strip_prefix(prefix).is_some_and(|digits| {
        [8, 17].contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    });
    if !is_id {
        findings.push(at.range(), ProblemKind::AwsId { field: at.field(), example });
    }
}

fn load_balancer(
    written: &written::LoadBalancer,
    home: Home<'_>,
    at: &At<'_>,
    findings: &mut Findings,
) -> Option<LoadBalancer> {
    check_plain(written.listener.get(), ArnOf::Listener, home, &at.key("listener"), findings);
    check_plain(written.test_listener.as_ref(), ArnOf::Listener, home, &at.key("testListener"), findings);
    check_plain(written.infrastructure_role.as_ref(), ArnOf::Role, home, &at.key("infrastructureRole"), findings);
    // …:listener/app/<name>/<load balancer>/<listener>
    let balancer = |arn: &str| arn.rsplit_once('/').map(|(balancer, _)| balancer.to_owned());
    if let (Some(listener), Some(test)) = (written.listener.get(), &written.test_listener) {
        let place = at.key("testListener").range();
        if listener == test {
            findings.push(place, ProblemKind::OtherLoadBalancer { same: true });
        } else if listener.contains(":listener/app/")
            && test.contains(":listener/app/")
            && balancer(listener) != balancer(test)
        {
            findings.push(place, ProblemKind::OtherLoadBalancer { same: false });
        }
    }
    Some(LoadBalancer {
        listener: written.listener.get()?.clone(),
        test_listener: written.test_listener.clone(),
        infrastructure_role: written.infrastructure_role.clone(),
    })
}

fn allow(written: Option<&written::Allow>, at: &At<'_>, findings: &mut Findings) -> Allow {
    let mut list = |items: Option<&Vec<String>>, key| {
        let items = items.cloned().unwrap_or_default();
        distinct(&items, true, &at.key(key), findings);
        items
    };
    let Some(written) = written else { return Allow::default() };
    Allow {
        secrets: list(written.secrets.as_ref(), "secrets"),
        repositories: list(written.repositories.as_ref(), "repositories"),
        hosts: list(written.hosts.as_ref(), "hosts"),
        models: list(written.models.as_ref(), "models"),
        subnets: list(written.subnets.as_ref(), "subnets"),
        security_groups: list(written.security_groups.as_ref(), "securityGroups"),
    }
}
