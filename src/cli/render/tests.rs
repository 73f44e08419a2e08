use jiff::tz::TimeZone;

use super::*;
use crate::names::RevisionNumber;
use crate::plan::Wait;
use crate::status::{
    Condition, ConditionKind, ConditionStatus, Event, EventSource, RevisionSummary, RolloutPhase, RolloutSummary,
    Status, TaskCounts,
};

fn look(width: Option<usize>) -> Look {
    Look { unicode: true, width, zone: TimeZone::UTC }
}

fn ascii() -> Look {
    Look { unicode: false, width: None, zone: TimeZone::UTC }
}

fn at(text: &str) -> Timestamp {
    format!("2026-03-01T{text}Z").parse().unwrap()
}

fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

fn revision(number: u32, version: &str) -> RevisionSummary {
    RevisionSummary {
        revision: RevisionNumber(number),
        version: version.to_owned(),
        digest: format!("sha256:{}", format!("9c1f{number}").repeat(13).get(..64).unwrap()).parse().unwrap(),
        task_definition: Some(format!(
            "arn:aws:ecs:us-east-1:211125768252:task-definition/prod-coach-companion:{number}"
        )),
    }
}

fn ready() -> Status {
    Status {
        agent: "dev/test-agent".to_owned(),
        state: State::Ready,
        since: at("12:00:00"),
        wanted: Some(revision(3, "v0.1.0")),
        serving: Some(revision(3, "v0.1.0")),
        tasks: TaskCounts { running: 1, pending: 0, desired: 1, new_running: 0 },
        generation: 3,
        converged_generation: Some(3),
        rollout: None,
        conditions: Vec::new(),
        waits: Vec::new(),
        note: None,
        alarms_firing: Default::default(),
        provenance: Provenance::default(),
        events: Vec::new(),
    }
}

fn rolling() -> Status {
    Status {
        agent: "prod/coach-companion".to_owned(),
        state: State::Rolling,
        since: at("13:58:02"),
        wanted: Some(revision(8, "v1.3.0")),
        serving: Some(revision(7, "v1.2.0")),
        tasks: TaskCounts { running: 3, pending: 1, desired: 2, new_running: 1 },
        rollout: Some(RolloutSummary {
            number: crate::names::RolloutNumber(4),
            revision: RevisionNumber(8),
            version: "v1.3.0".to_owned(),
            cause: crate::ledger::Cause::NewContent,
            phase: RolloutPhase::Deploying,
            started_at: at("13:58:02"),
        }),
        conditions: vec![
            Condition {
                kind: ConditionKind::Ready,
                status: ConditionStatus::True,
                message: Some("rev 7 serves".to_owned()),
                since: at("12:00:00"),
            },
            Condition {
                kind: ConditionKind::Converged,
                status: ConditionStatus::False,
                message: None,
                since: at("13:58:02"),
            },
        ],
        waits: vec![Wait::Deploying { running: 1, wanted: 2 }],
        provenance: Provenance {
            commit: Some("9d02c17aa".to_owned()),
            author: Some("Ann <ann@example.com>".to_owned()),
            subject: Some("Shorter answers".to_owned()),
            uncommitted: false,
        },
        events: vec![Event {
            at: at("14:01:40"),
            source: EventSource::Ecs,
            message: "(service prod-coach-companion) has started 1 tasks".to_owned(),
        }],
        ..ready()
    }
}

fn held() -> Status {
    Status {
        agent: "prod/meal-planner".to_owned(),
        state: State::Held,
        since: at("13:02:11"),
        waits: vec![Wait::Held {
            version: "v2.1.0".to_owned(),
            reason: "essential container exited with 1".to_owned(),
        }],
        ..ready()
    }
}

#[test]
fn the_table_has_one_row_an_agent() {
    let text = plain(&status::table(&[ready(), rolling(), held()], at("14:02:11"), &look(None)));
    insta::assert_snapshot!(text);
}

#[test]
fn a_narrow_terminal_wraps_the_note_and_nothing_else() {
    let text = plain(&status::table(&[ready(), rolling(), held()], at("14:02:11"), &look(Some(100))));
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn without_unicode_everything_is_ascii() {
    let text = plain(&status::table(&[ready(), rolling(), held()], at("14:02:11"), &ascii()))
        + &plain(&status::full(&rolling(), at("14:02:11"), &ascii()));
    assert!(text.is_ascii(), "{text}");
}

#[test]
fn one_agent_in_full_answers_what_a_person_asks() {
    insta::assert_snapshot!(plain(&status::full(&rolling(), at("14:02:11"), &look(None))));
}

#[test]
fn a_line_of_up_fits_the_terminal() {
    let text = plain(&progress::line(&held(), 20, at("14:02:11"), &look(Some(70))));
    assert!(text.chars().count() <= 70, "{text}");
    insta::assert_snapshot!(text, @"  prod/meal-planner      ‖ held        v0.1.0   rev 3  1/1 tasks    v…");
}

#[test]
fn lengths_of_time_are_told_in_units_that_say_enough() {
    let spans = [0, 45, 60, 192, 640, 3_599, 7_300, 90_000, 900_000].map(|s| span(SignedDuration::from_secs(s)));
    assert_eq!(spans, ["0s", "45s", "1m", "3m12s", "10m", "59m", "2h", "1d", "10d"]);
}

#[test]
fn digests_are_cut_and_shorter_texts_are_not() {
    let digest = "a".repeat(64);
    assert_eq!(short_digests(&format!("x@sha256:{digest} y")), "x@sha256:aaaaaaaaaaaa… y");
    assert_eq!(short_digests("sha256:abc"), "sha256:abc");
}

#[test]
fn numbers_agree_with_their_nouns() {
    assert_eq!(counted(1, "agent"), "1 agent");
    assert_eq!(counted(0, "agent"), "0 agents");
    assert_eq!(counted(3, "repository"), "3 repositories");
}
