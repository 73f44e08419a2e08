//! Properties of plans over random specs, histories and damage.

use proptest::prelude::*;
use ropewalk::names::{AgentId, ContentHash};
use ropewalk::observed::DeploymentStatus::{self, RollbackSuccessful, Stopped, Successful};
use ropewalk::plan::Action;
use ropewalk::resources;
use ropewalk::spec::model::Capacity;

use super::model::Model;
use crate::sample;

/// What people, ECS and bystanders do.
#[derive(Clone, Debug)]
enum Step {
    Tag(usize),
    Replicas(u32),
    Memory(bool),
    Damage(Damage),
    End(DeploymentStatus),
    Minutes(i64),
}

#[derive(Clone, Debug)]
enum Damage {
    DesiredCount(u32),
    Subnets,
    Policy,
    Retention,
    Breaker,
    HandDeployment,
}

fn step() -> impl Strategy<Value = Step> {
    let damage = prop_oneof![
        (0..9u32).prop_map(Damage::DesiredCount),
        Just(Damage::Subnets),
        Just(Damage::Policy),
        Just(Damage::Retention),
        Just(Damage::Breaker),
        Just(Damage::HandDeployment),
    ];
    prop_oneof![
        (0..4usize).prop_map(Step::Tag),
        (1..6u32).prop_map(Step::Replicas),
        any::<bool>().prop_map(Step::Memory),
        damage.prop_map(Step::Damage),
        prop_oneof![Just(Successful), Just(RollbackSuccessful), Just(Stopped)].prop_map(Step::End),
        (1..40i64).prop_map(Step::Minutes),
    ]
}

fn world() -> Model {
    let mut model = Model::new(sample::fleet(), sample::agent("v0"));
    for (tag, digit) in [("v0", 'a'), ("v1", 'b'), ("v2", 'c'), ("v3", 'd')] {
        model.push(tag, digit);
    }
    model
}

fn take(model: &mut Model, step: &Step) {
    match step {
        Step::Tag(tag) => model.agent.image = sample::agent(&format!("v{tag}")).image,
        Step::Replicas(count) => model.agent.capacity = Capacity::Replicas(*count),
        Step::Memory(more) => model.agent.size.memory_mib = if *more { 1024 } else { 512 },
        Step::Minutes(minutes) => model.now += jiff::SignedDuration::from_mins(*minutes),
        Step::End(end) => {
            model.finish_deployment(*end);
        }
        Step::Damage(damage) if model.snapshot.service.present().is_some() => hurt(model, damage),
        Step::Damage(_) => {}
    }
    model.pass();
}

fn hurt(model: &mut Model, damage: &Damage) {
    use ropewalk::observed::Seen::Present;
    match damage {
        Damage::DesiredCount(count) => model.service().desired_count = *count,
        Damage::Subnets => drop(model.service().subnets.insert("subnet-other".to_owned())),
        Damage::Breaker => model.service().circuit_breaker.rollback = false,
        Damage::HandDeployment => model.deploy_by_hand("somebody-else:1"),
        Damage::Policy => {
            if let Present(role) = &mut model.snapshot.execution_role {
                role.policies.clear();
            }
        }
        Damage::Retention => {
            if let Present(group) = &mut model.snapshot.log_group {
                group.retention_days = None;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    /// L1, L2: from every visited state it comes to rest, and rests.
    #[test]
    fn whatever_happens_it_comes_to_rest_and_writes_nothing_more(steps in prop::collection::vec(step(), 0..14)) {
        let mut model = world();
        for step in &steps {
            take(&mut model, step);
        }
        model.settle(Successful);
        for _ in 0..20 {
            model.now += jiff::SignedDuration::from_secs(30);
            prop_assert_eq!(model.pass(), vec![]);
        }
    }

    /// S6: a workload in quarantine is never selected again.
    #[test]
    fn a_quarantined_task_definition_is_never_deployed_again(steps in prop::collection::vec(step(), 0..14)) {
        let mut model = world();
        for step in &steps {
            let quarantined: Vec<ContentHash> = model.head.quarantine.keys().cloned().collect();
            let before = model.writes.len();
            take(&mut model, step);
            for action in &model.writes[before..] {
                if let Action::UpdateService { update } = action
                    && update.task_definition_arn.is_some()
                {
                    let rollout = model.head.rollout.as_ref();
                    let workload = rollout.map(|rollout| &rollout.revision.hashes.workload);
                    prop_assert!(workload.is_none_or(|workload| !quarantined.contains(workload)));
                }
            }
        }
    }

    /// The same content is the same revision and the same task definition, however often it comes back.
    #[test]
    fn there_are_never_more_task_definitions_than_contents(steps in prop::collection::vec(step(), 0..14)) {
        let mut model = world();
        let mut contents = std::collections::BTreeSet::new();
        for step in &steps {
            contents.insert((format!("{:?}", model.agent.image), model.agent.size.memory_mib));
            take(&mut model, step);
        }
        contents.insert((format!("{:?}", model.agent.image), model.agent.size.memory_mib));
        model.settle(Successful);
        prop_assert!(model.task_definitions.len() <= contents.len());
    }

    /// The head is what its records say, and they are numbered without gap and chained.
    #[test]
    fn folding_the_records_gives_the_head(steps in prop::collection::vec(step(), 0..14)) {
        let mut model = world();
        for step in &steps {
            take(&mut model, step);
        }
        let mut head = ropewalk::ledger::Head::default();
        for record in &model.records {
            prop_assert_eq!(record.sequence, head.sequence + 1);
            prop_assert_eq!(&record.previous, &head.last_hash);
            head = head.after(record, record.hash().unwrap());
        }
        prop_assert_eq!(head, model.head);
    }

    /// Planning is a function: nothing but its input decides.
    #[test]
    fn the_same_input_gives_the_same_plan(steps in prop::collection::vec(step(), 0..8)) {
        let mut model = world();
        for step in &steps {
            take(&mut model, step);
        }
        prop_assert_eq!(model.plan(), model.plan());
    }

    /// S3: nothing is written that was not recorded before.
    #[test]
    fn every_write_was_intended_in_the_ledger_first(steps in prop::collection::vec(step(), 1..14)) {
        let mut model = world();
        for step in &steps {
            take(&mut model, step);
        }
        let intended: std::collections::BTreeSet<ContentHash> = model
            .records
            .iter()
            .flat_map(|record| &record.entries)
            .filter_map(|entry| match entry {
                ropewalk::ledger::Entry::Intent { actions } => Some(actions.iter().map(|action| action.hash.clone())),
                _ => None,
            })
            .flatten()
            .collect();
        for action in &model.writes {
            prop_assert!(intended.contains(&ContentHash::of(action).unwrap()), "{}", action.operation());
        }
    }

    /// Names fit AWS's limits and do not collide, whatever fleets and agents are called.
    #[test]
    fn rendering_is_a_function_of_its_input(replicas in 1..9u32, tag in "[a-z][a-z0-9.]{0,9}") {
        let mut agent = sample::agent(&tag);
        agent.capacity = Capacity::Replicas(replicas);
        let digest = format!("sha256:{}", "7".repeat(64)).parse().unwrap();
        let fleet = sample::fleet();
        prop_assert_eq!(resources::render(&fleet, &agent, &digest), resources::render(&fleet, &agent, &digest));
        let id: AgentId = agent.id.clone();
        prop_assert!(id.task_role_name(&fleet.project).len() <= 64);
    }
}
