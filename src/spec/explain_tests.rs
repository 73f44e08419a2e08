//! Features that are not available yet are read, checked and explained all the same.

use super::check::At;
use super::check::agent::agent as check_agent;
use super::document::{Document, Written};
use super::model::{Agent, Capacity, Deletion, Fleet, Promote, Strategy, TrafficAuth};
use super::problem::Findings;
use super::{SourceFile, explain, parse};

const FLEET: &str = "
apiVersion: ropewalk/v1
kind: Fleet
metadata: { name: prod }
spec:
  project: vitracka
  environment: prod
  account: \"211125768252\"
  region: us-east-1
  cluster: vitracka-agents
  network: { vpc: vpc-0f1e2d3c, subnets: [subnet-0a1b2c3d], securityGroups: [sg-0a1b2c3d] }
  loadBalancer:
    listener: arn:aws:elasticloadbalancing:us-east-1:211125768252:listener/app/agents/0123456789abcdef/0123456789abcdef
    testListener: arn:aws:elasticloadbalancing:us-east-1:211125768252:listener/app/agents/0123456789abcdef/fedcba9876543210
    infrastructureRole: arn:aws:iam::211125768252:role/ecs
";

const AGENT: &str = "
apiVersion: ropewalk/v1
kind: AgentDeployment
metadata: { name: coach }
spec:
  image: { tag: v1.2.0 }
  scaling: { min: 2, max: 10, cpu: 60% }
  traffic: { host: coach.example.com, paths: [\"/coach*\"] AUTH }
  rollout:
    strategy: { STRATEGY }
    promote: manual
  schedule: { timezone: Europe/Berlin, pause: \"0 20 * * *\", resume: \"0 7 * * 1-5\" }
  deletion: delete
";

fn fleet() -> Fleet {
    let parsed = parse(&[SourceFile { path: "prod/fleet.yaml".into(), content: FLEET.into() }]);
    parsed.state.fleets.into_values().next().expect("the fleet is valid").fleet
}

/// The agent, and the codes of what was found.
fn read(text: &str, fleet: &Fleet) -> (Agent, Vec<&'static str>) {
    let document = Document::read("prod/coach.yaml".into(), text.as_bytes());
    let mut findings = Findings::default();
    let at: At<'_> = document.at().expect("it is YAML");
    let Some(Written::Agent(file)) = &document.written else { panic!("not an agent") };
    let agent = check_agent(file, Some(fleet), &at, &mut findings).expect("nothing is missing");
    findings.append(&mut { document.findings });
    (agent, findings.into_sorted().into_iter().map(|(_, kind)| kind.code()).collect())
}

#[test]
fn what_is_not_available_yet_is_read_checked_and_explained() {
    let fleet = fleet();
    let strategies = [
        ("canary: { percent: 10%, bake: 10m }", ""),
        ("linear: { step: 25%, bake: 5m }", ""),
        ("blueGreen: { bake: 1h }", ""),
        ("rolling: {}", ", auth: { jwt: { issuer: https://i.example.com, jwks: https://i.example.com/keys } }"),
    ];
    for (strategy, auth) in strategies {
        let text = AGENT.replace("STRATEGY", strategy).replace(" AUTH", auth);
        let (agent, codes) = read(&text, &fleet);
        assert!(codes.iter().all(|code| *code == "not-available"), "{codes:?}");
        assert!(codes.len() >= 5, "{codes:?}");
        let (again, _) = read(&explain(&fleet, &agent), &fleet);
        assert_eq!(agent, again);
        assert_eq!(agent.deletion, Deletion::Delete);
        assert_eq!(agent.rollout.promote, Promote::Manual);
        assert!(matches!(agent.capacity, Capacity::Scaling { min: 2, max: 10, .. }));
        let has_auth = matches!(agent.traffic.and_then(|traffic| traffic.auth), Some(TrafficAuth::Jwt { .. }));
        assert_eq!(has_auth, matches!(agent.rollout.strategy, Strategy::Rolling {}));
        assert!(agent.schedule.is_some_and(|schedule| schedule.time_zone().is_some()));
    }
}
