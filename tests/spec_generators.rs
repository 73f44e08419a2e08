//! Valid desired states, of any shape that is available already.

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// A mapping of the fields that are there.
fn mapping(fields: Vec<(&'static str, Option<Value>)>) -> Value {
    Value::Object(fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,20}",
        "[a-zäöü ✔\n]{0,12}",
        prop::sample::select(vec![
            "on", "No", "y", "true", "null", "~", "", "010", "0x1F", "1e3", "1_000", "1.10", "- a", "# b", "*x", "&x",
            "!y", ": ", "a: b", "{", "[]", "'", "\"", "@", "%", "|", ">", "<<", "...", "---", " lead", "trail ",
        ])
        .prop_map(str::to_owned),
    ]
    .prop_filter("looks like a secret", |text| !text.contains("://"))
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any_text().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        (-1_000_000_i64..1_000_000).prop_map(Value::from),
        (-1000_i32..1000).prop_map(|number| Value::from(f64::from(number) / 8.0)),
        Just(Value::Null),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::from),
            btree_map("[a-z]{1,8}", inner, 0..3).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
    .prop_filter("a body of null is none", |body| !body.is_null())
}

fn seconds(range: std::ops::RangeInclusive<u64>) -> impl Strategy<Value = String> {
    range.prop_map(|seconds| if seconds % 60 == 0 { format!("{}m", seconds / 60) } else { format!("{seconds}s") })
}

fn minutes(range: std::ops::RangeInclusive<u64>) -> impl Strategy<Value = String> {
    range.prop_map(|minutes| format!("{minutes}m"))
}

fn percent(range: std::ops::RangeInclusive<u32>) -> impl Strategy<Value = String> {
    (range, 0..4_u32).prop_map(|(whole, quarter)| match quarter {
        0 => format!("{whole}%"),
        1 => format!("{whole}.25%"),
        2 => format!("{whole}.5%"),
        _ => format!("{whole}.75%"),
    })
}

fn size() -> impl Strategy<Value = Value> {
    let pairs = vec![
        (256, 512),
        (256, 2048),
        (512, 3072),
        (1024, 8192),
        (2048, 5120),
        (4096, 30720),
        (8192, 20480),
        (16384, 122880),
    ];
    (prop::sample::select(pairs), option::of(prop::sample::select(vec!["arm64", "x86_64"]))).prop_map(
        |((cpu, memory), architecture)| {
            mapping(vec![
                ("cpu", Some(json!(cpu))),
                ("memoryMiB", Some(json!(memory))),
                ("architecture", architecture.map(Value::from)),
            ])
        },
    )
}

fn health() -> impl Strategy<Value = Value> {
    (option::of("/[a-z]{0,8}"), 6..=300_u64, 2..=5_u64, option::of(1..=10_u32), option::of(seconds(0..=300))).prop_map(
        |(path, interval, timeout, retries, start)| {
            mapping(vec![
                ("path", path.map(Value::from)),
                ("interval", Some(json!(format!("{interval}s")))),
                ("timeout", Some(json!(format!("{timeout}s")))),
                ("retries", retries.map(Value::from)),
                ("startPeriod", start.map(Value::from)),
            ])
        },
    )
}

fn expectation() -> impl Strategy<Value = Value> {
    (100..=599_u32, option::of(Just(json!(["hello"]))), option::of(seconds(1..=600))).prop_map(
        |(status, contains, latency)| {
            mapping(vec![
                ("status", Some(json!(status))),
                ("contains", contains),
                ("maxLatency", latency.map(Value::from)),
            ])
        },
    )
}

fn rollout() -> impl Strategy<Value = Value> {
    let smoke_test = (option::of(any_json()), option::of(expectation()), option::of(seconds(1..=600))).prop_map(
        |(body, expect, timeout)| {
            mapping(vec![
                ("path", Some(json!("/coach"))),
                ("body", body),
                ("expect", expect),
                ("timeout", timeout.map(Value::from)),
                ("auth", Some(json!("arn:aws:secretsmanager:us-east-1:211125768252:secret:token"))),
            ])
        },
    );
    let prompts = (option::of(percent(1..=99)), vec((option::of(any_json()), option::of(expectation())), 1..3))
        .prop_map(|(ratio, cases)| {
            let cases = cases.into_iter().enumerate().map(|(index, (body, expect))| {
                mapping(vec![
                    ("name", Some(json!(format!("case {index}")))),
                    ("path", Some(json!("/coach"))),
                    ("body", body),
                    ("expect", expect),
                ])
            });
            mapping(vec![("passRatio", ratio.map(Value::from)), ("cases", Some(cases.collect()))])
        });
    let metric = percent(0..=99)
        .prop_map(|above| json!([{ "name": "errors", "expression": "100 * m_a / m_b", "above": above }]));
    (
        option::of(Just(json!({ "rolling": {} }))),
        option::of(smoke_test),
        option::of(prompts),
        option::of(metric),
        option::of(seconds(0..=86_400)),
        option::of(seconds(60..=86_400)),
        option::of(prop::sample::select(vec!["pass", "wait", "fail"])),
    )
        .prop_map(|(strategy, smoke_test, prompts, metrics, monitor, deadline, on_no_data)| {
            mapping(vec![
                ("strategy", strategy),
                ("smokeTest", smoke_test),
                ("prompts", prompts),
                ("metrics", metrics),
                ("monitor", monitor.map(Value::from)),
                ("deadline", deadline.map(Value::from)),
                ("onNoData", on_no_data.map(Value::from)),
            ])
        })
}

fn signals() -> impl Strategy<Value = (Value, Value)> {
    let rollback = (
        option::of(percent(0..=98)),
        option::of(minutes(1..=60)),
        option::of(1..1000_u32),
        option::of(minutes(1..=60)),
    )
        .prop_map(|(above, window, least, unhealthy)| {
            mapping(vec![
                (
                    "errorRate",
                    Some(mapping(vec![
                        ("above", above.map(Value::from)),
                        ("for", window.map(Value::from)),
                        ("minInvocations", least.map(Value::from)),
                    ])),
                ),
                ("unhealthy", unhealthy.map(|window| json!({ "for": window }))),
            ])
        });
    let alarms = (
        option::of(percent(0..=98)),
        option::of(seconds(1..=3600)),
        option::of(0..100_u32),
        option::of(1..100_000_u32),
    )
        .prop_map(|(rate, p95, throttles, cents)| {
            mapping(vec![
                ("errorRate", rate.map(|above| json!({ "above": above }))),
                ("durationP95", p95.map(|above| json!({ "above": above }))),
                ("throttles", throttles.map(|above| json!({ "above": above, "per": "2m" }))),
                ("costPerDay", cents.map(|cents| json!({ "above": f64::from(cents) / 100.0 }))),
            ])
        });
    (rollback, alarms)
}

fn image() -> impl Strategy<Value = Value> {
    prop_oneof![
        "v[0-9]{1,2}\\.[0-9]{1,2}\\.[0-9]{1,2}".prop_map(|tag| json!({ "tag": tag })),
        "[0-9]\\.[1-9]0".prop_map(|tag| json!({ "tag": tag, "repository": "shared/agents" })),
        "[0-9a-f]{64}".prop_map(|hex| json!({ "digest": format!("sha256:{hex}") })),
    ]
}

/// An AgentDeployment of this name, as JSON.
pub fn agent(name: &'static str) -> impl Strategy<Value = Value> {
    let variables = btree_map("[A-Z][A-Z_]{0,8}", any_text(), 0..4).prop_map(|fields| {
        Value::Object(fields.into_iter().map(|(name, value)| (format!("V_{name}_X"), value.into())).collect())
    });
    let secrets = btree_map("[A-Z][A-Z_]{0,8}", "[a-z]{1,10}", 0..3).prop_map(|fields| {
        let arn = |name| json!(format!("arn:aws:secretsmanager:us-east-1:211125768252:secret:{name}"));
        Value::Object(
            fields.into_iter().map(|(name, secret)| (format!("S_{name}"), arn(secret))).collect::<Map<_, _>>(),
        )
    });
    let models =
        prop::sample::subsequence(vec!["anthropic.claude-3-5-sonnet-20241022-v2:0", "us.amazon.nova-pro-v1:0"], 0..=2);
    let logs = (option::of("/ecs/[a-z]{1,20}"), option::of(prop::sample::select(vec![1, 30, 3653]))).prop_map(
        |(group, days)| mapping(vec![("group", group.map(Value::from)), ("retention", days.map(Value::from))]),
    );
    let first =
        (image(), option::of(1..=65_535_u32), option::of(size()), option::of(1..=5_000_u32), option::of(variables));
    let second =
        (option::of(secrets), option::of(models), option::of(health()), option::of(logs), option::of(rollout()));
    let third = (option::of(signals()), option::of(prop::sample::select(vec!["enforce", "observe"])));
    (first, second, third).prop_map(
        move |((image, port, size, replicas, environment), (secrets, models, health, logs, rollout), (signals, mode))| {
            let (rollback, alarms) = signals.unzip();
            let spec = mapping(vec![
                ("image", Some(image)),
                ("port", port.map(Value::from)),
                ("size", size),
                ("replicas", replicas.map(Value::from)),
                ("environment", environment),
                ("secrets", secrets),
                ("models", models.map(Value::from)),
                ("health", health),
                ("logs", logs),
                ("rollout", rollout),
                ("rollback", rollback),
                ("alarms", alarms),
                ("mode", mode.map(Value::from)),
            ]);
            json!({ "apiVersion": "ropewalk/v1", "kind": "AgentDeployment", "metadata": { "name": name }, "spec": spec })
        },
    )
}

/// A Fleet of this name, as JSON.
pub fn fleet(name: &'static str) -> impl Strategy<Value = Value> {
    let listener =
        "arn:aws:elasticloadbalancing:us-east-1:211125768252:listener/app/agents/0123456789abcdef/0123456789abcde";
    let balancer = any::<bool>().prop_map(move |test| {
        mapping(vec![
            ("listener", Some(json!(format!("{listener}0")))),
            ("testListener", test.then(|| json!(format!("{listener}1")))),
            ("infrastructureRole", test.then(|| json!("arn:aws:iam::211125768252:role/ecs"))),
        ])
    });
    (
        prop::sample::select(vec!["dev", "staging", "prod"]),
        prop::collection::btree_set("subnet-[0-9a-f]{17}", 1..5),
        prop::collection::btree_set("sg-[0-9a-f]{8}", 1..4),
        option::of(balancer),
        option::of(Just("arn:aws:sns:us-east-1:211125768252:alerts")),
        option::of(prop::sample::select(vec!["enforce", "observe"])),
        any::<bool>(),
    )
        .prop_map(move |(environment, subnets, groups, balancer, notify, mode, allow)| {
            let network = json!({ "vpc": "vpc-0f1e2d3c", "subnets": subnets, "securityGroups": groups });
            let spec = mapping(vec![
                ("project", Some(json!("vitracka"))),
                ("environment", Some(json!(environment))),
                ("account", Some(json!("211125768252"))),
                ("region", Some(json!("us-east-1"))),
                ("cluster", Some(json!("vitracka-agents"))),
                ("network", Some(network)),
                ("loadBalancer", balancer),
                ("notify", notify.map(Value::from)),
                ("allow", allow.then(|| json!({ "secrets": ["arn:aws:secretsmanager:*"], "models": ["*"] }))),
                ("mode", mode.map(Value::from)),
            ]);
            json!({ "apiVersion": "ropewalk/v1", "kind": "Fleet", "metadata": { "name": name }, "spec": spec })
        })
}
