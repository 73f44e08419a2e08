//! Each kind's prose: what is wrong, what would be right, how to mend it.

use super::ProblemKind as Kind;

/// What is said of a problem.
pub(super) struct Text {
    pub message: String,
    pub expected: Option<String>,
    pub hint: Option<String>,
}

fn say(message: impl Into<String>) -> Text {
    Text { message: message.into(), expected: None, hint: None }
}

impl Text {
    fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    fn maybe(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }
}

pub(super) fn text(kind: &Kind) -> Text {
    file(kind)
        .or_else(|| shape(kind))
        .or_else(|| place(kind))
        .or_else(|| compute(kind))
        .or_else(|| aws(kind))
        .or_else(|| values(kind))
        .unwrap_or_else(|| later(kind))
}

fn file(kind: &Kind) -> Option<Text> {
    Some(match kind {
        Kind::EmptyFile {} => say("the file is empty").hint(
            "write a Fleet or an AgentDeployment, or remove the file: an empty one is never taken for a deletion",
        ),
        Kind::BinaryFile {} => say("the file is not text").hint("a file of this name has to be YAML"),
        Kind::NotUtf8 { utf16: true } => say("the file is UTF-16, not UTF-8").hint("save it as UTF-8"),
        Kind::NotUtf8 { .. } => say("the file is not UTF-8").expected("UTF-8 up to here").hint("save it as UTF-8"),
        Kind::FileTooLarge { max_bytes } => say(format!("the file is larger than {} KiB", max_bytes / 1024))
            .hint("a file holds one Fleet or one AgentDeployment, written by hand"),
        Kind::Tab {} => say("a tab in the indentation").expected("spaces: YAML forbids tabs here"),
        Kind::Syntax { what } => say("this is not YAML")
            .expected(*what)
            .hint("look at this line and at the ones just before it; values are masked, as they may be secrets"),
        Kind::SeveralDocuments {} => say("more than one object in a file")
            .expected("the end of the file: one object a file")
            .hint("what comes after `---` belongs into a file of its own"),
        Kind::DuplicateKey { key, line } => say(format!("the key {} is here twice", name(key)))
            .expected(format!("it stands in line {line} already"))
            .hint("keep one of the two"),
        Kind::KeyNotText {} => say("a key has to be a text").expected("a name"),
        Kind::MergeKey {} => say("the merge key `<<` is not supported").expected("the fields themselves"),
        Kind::Alias {} => say("the alias leads nowhere, or to itself")
            .expected("an anchor `&name` that stands before it")
            .hint("a text that starts with `*` or `&` needs quotes"),
        Kind::Tag {} => say("YAML tags are not supported here")
            .expected("a value without `!`")
            .hint("a text that starts with `!` needs quotes"),
        Kind::TooComplex {} => say("the file has too many values, too deep, or too many aliases")
            .hint("write the values out instead of repeating aliases"),
        Kind::TooManyProblems { shown } => {
            say(format!("more than {shown} problems in this file")).hint("mend the ones above, then look again")
        }
        _ => return None,
    })
}

fn shape(kind: &Kind) -> Option<Text> {
    Some(match kind {
        Kind::WrongType { field, expected, found: "nothing" } => {
            say(format!("{} has no value", subject(field))).expected(format!("expected {expected}"))
        }
        Kind::WrongType { field, expected, found } => {
            say(format!("{} is {found}", subject(field))).expected(format!("expected {expected}"))
        }
        Kind::InvalidValue { field, expected, hint } => {
            say(format!("{} is not valid", subject(field))).expected(format!("expected {expected}")).maybe(hint.clone())
        }
        Kind::Ambiguous { field, expected } => say(format!("YAML tools differ in how they read {}", subject(field)))
            .expected(format!("expected {expected}")),
        Kind::MissingField { field } => {
            let (within, missing) = field.rsplit_once('.').unwrap_or(("", field));
            let text = say(format!("{} is missing", subject(field)));
            match within {
                "" => text.expected(format!("expected `{missing}` in this file")),
                _ => text.expected(format!("expected `{missing}` in it")),
            }
        }
        Kind::UnknownField { field, within, suggestion, known } => {
            let text = say(format!("unknown field {}", name(field)));
            let place = if within.is_empty() { "here".to_owned() } else { format!("in `{within}`") };
            match (suggestion, known.is_empty()) {
                (Some(suggestion), _) => text.expected(format!("did you mean `{suggestion}`?")),
                (None, true) => text.expected(format!("no field is known {place}")),
                (None, false) => text.expected(format!("not known {place}")).hint(format!("known are {}", list(known))),
            }
        }
        Kind::UnknownVariant { field, suggestion, variants } => {
            let text = say(format!("{} is none of the values it can have", subject(field)));
            match suggestion {
                Some(suggestion) => text.expected(format!("did you mean `{suggestion}`?")),
                None => text.expected(format!("expected {}", one_of(variants))),
            }
        }
        Kind::NotOneVariant { field, variants } => say(format!("{} has to be exactly one thing", subject(field)))
            .expected(format!("expected {}", one_of(variants))),
        _ => return None,
    })
}

fn place(kind: &Kind) -> Option<Text> {
    Some(match kind {
        Kind::ApiVersion {} => say("unknown `apiVersion`").expected("expected `ropewalk/v1`"),
        Kind::Kind { suggestion } => {
            let text = say("unknown `kind`");
            match suggestion {
                Some(suggestion) => text.expected(format!("did you mean `{suggestion}`?")),
                None => text.expected("expected `Fleet` or `AgentDeployment`"),
            }
        }
        Kind::KindForPlace { found, expected } => say(format!("a file of this name does not hold {found}"))
            .expected(format!("expected `{expected}`"))
            .hint("a Fleet is in `<fleet>/fleet.yaml`, an AgentDeployment in `<fleet>/<agent>.yaml`"),
        Kind::Misplaced {} => say("the file is in the wrong place").hint(
            "a Fleet is in `<fleet>/fleet.yaml`, an AgentDeployment in `<fleet>/<agent>.yaml`, and nothing deeper",
        ),
        Kind::NameNotPlace { what, expected } => say(format!("the name is not the {what}'s"))
            .expected(format!("expected {}", name(expected)))
            .hint(format!("change the name, or rename the {what}")),
        Kind::FleetMissing { fleet } => say(format!("there is no fleet {} for this agent", name(fleet)))
            .hint("write its `fleet.yaml` into the same folder, or move this file to another fleet's folder"),
        Kind::NameClash { what, other } => say(format!("this agent and `{other}` would share a {what}"))
            .expected(format!("a {what} of its own"))
            .hint("rename one of the two, or give it another name here"),
        _ => return None,
    })
}

fn compute(kind: &Kind) -> Option<Text> {
    Some(match kind {
        Kind::CpuUnits { nearest } => say("Fargate has no such CPU size")
            .expected("expected 256, 512, 1024, 2048, 4096, 8192 or 16384 CPU units (1024 are one vCPU)")
            .hint(format!("{nearest} is the next size")),
        Kind::MemoryForCpu { cpu, memory_mib, allowed, hint } => {
            say(format!("{memory_mib} MiB does not go with {cpu} CPU units"))
                .expected(format!("Fargate allows {allowed} MiB with {cpu}"))
                .hint(hint.clone())
        }
        Kind::MutableTag {} => say("`latest` cannot be deployed by name")
            .expected("expected a tag that never moves, such as v1.2.0")
            .hint("`latest` is the one tag that moves: it is set by the operator after a success in production"),
        Kind::TagAndDigest { both: true } => {
            say("`spec.image` has a tag and a digest").expected("either `tag` or `digest`").hint("keep one of the two")
        }
        Kind::TagAndDigest { .. } => say("`spec.image` has neither a tag nor a digest")
            .expected("expected `tag: v1.2.0` or `digest: sha256:…` in it"),
        Kind::ReplicasAndScaling {} => say("`replicas` and `scaling` exclude each other")
            .expected("either `replicas` or `scaling`")
            .hint("with `scaling`, the autoscaler decides between `min` and `max`"),
        Kind::OutOfRange { field, expected, hint } => say(format!("{} is out of range", subject(field)))
            .expected(format!("expected {expected}"))
            .maybe(hint.map(str::to_owned)),
        Kind::TimeoutNotShorter { timeout, interval } => {
            say(format!("the health check's timeout ({timeout}) is not shorter than its interval ({interval})"))
                .expected(format!("expected less than {interval}"))
        }
        Kind::MinAboveMax { min, max } => {
            say(format!("`min` ({min}) is above `max` ({max})")).expected(format!("expected {max} at most"))
        }
        _ => return None,
    })
}

fn aws(kind: &Kind) -> Option<Text> {
    Some(match kind {
        Kind::NotAnArn { field, example } => {
            say(format!("{} is no ARN", subject(field))).expected(format!("expected an ARN such as {example}"))
        }
        Kind::ArnOfOther { field, expected, example } => {
            say(format!("{} is not the ARN of {expected}", subject(field))).expected(format!("expected an ARN such as {example}"))
        }
        Kind::ArnElsewhere { field, what, expected } => {
            say(format!("{} is in another {what} than the fleet", subject(field))).expected(format!("expected {expected}"))
        }
        Kind::AwsId { field, example } => {
            say(format!("{} is no id of AWS's", subject(field))).expected(format!("expected an id such as {example}"))
        }
        Kind::OtherLoadBalancer { same: true } => say("the test listener is the production listener")
            .expected("another listener of the same load balancer"),
        Kind::OtherLoadBalancer { .. } => say("the test listener is another load balancer's")
            .expected("a listener of the load balancer of `listener`"),
        Kind::DuplicateItem { field } => say(format!("{} is there already", subject(field))).expected("expected another one, or none"),
        Kind::EmptyList { field } => say(format!("{} is empty", subject(field))).expected("expected one item at least"),
        Kind::NotAllowed { field, bound, patterns } => say(format!("{} is not allowed in this fleet", subject(field)))
            .expected(format!("expected what matches {}", patterns.join(" or ")))
            .hint(format!("the fleet's `allow.{bound}` bounds it")),
        Kind::SecretNotArn { field } => say(format!("{} is no ARN of a secret", subject(field)))
            .expected("expected an ARN such as arn:aws:secretsmanager:us-east-1:111122223333:secret:name")
            .hint("put the value into Secrets Manager and name its ARN here; if it was a secret, it is in git now: change it"),
        Kind::SecretInPlain { field, looks_like } => say(format!("{} looks like {looks_like}", subject(field)))
            .expected("expected nothing secret: this file is in git")
            .hint("put it into Secrets Manager and name its ARN under `secrets`; it has been seen, so change it"),
        Kind::VariableName { field } => say(format!("{} is no name of an environment variable", subject(field)))
            .expected("expected letters, digits and underscores, not starting with a digit"),
        Kind::VariableReserved { name } => say(format!("the variable `{name}` is set by Ropewalk"))
            .expected("expected another name")
            .hint("each task finds its own revision, version, digest, name and fleet there"),
        Kind::VariableTwice { name } => say(format!("the variable `{name}` is under `environment` and under `secrets`"))
            .expected("expected it in one of the two"),
        _ => return None,
    })
}

fn values(kind: &Kind) -> Option<Text> {
    Some(match kind {
        Kind::ModelId { field } => say(format!("{} is no model id", subject(field)))
            .expected("expected a Bedrock model or inference profile, such as anthropic.claude-3-5-sonnet-20241022-v2:0"),
        Kind::UrlPath { field } => {
            say(format!("{} is no path", subject(field))).expected("expected a path such as /health, without spaces or quotes")
        }
        Kind::Host { field } => {
            say(format!("{} is no host", subject(field))).expected("expected a host such as coach.example.com, without scheme or port")
        }
        Kind::HttpsUrl { field } => say(format!("{} is no https URL", subject(field))).expected("expected https://…"),
        Kind::LogGroup {} => say("`spec.logs.group` is no name of a log group")
            .expected("expected letters, digits and _ - / . #, at most 512 characters, not starting with aws/")
            .hint("for example `/aws/bedrock/agents/coach-companion`"),
        Kind::LogRetention { nearest } => say("CloudWatch cannot keep logs for that many days")
            .expected("expected 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653 days")
            .hint(format!("{nearest} is the next")),
        Kind::Cron { field, why } => say(format!("{} is no cron expression: {why}", subject(field)))
            .expected("expected five fields: minute, hour, day, month, weekday")
            .hint("`0 20 * * 1-5` is eight in the evening, Monday to Friday"),
        Kind::TimeZone { suggestion } => {
            let text = say("there is no such time zone");
            match suggestion {
                Some(suggestion) => text.expected(format!("did you mean `{suggestion}`?")),
                None => text.expected("expected an IANA name such as Europe/Berlin"),
            }
        }
        Kind::PauseIsResume {} => say("`pause` and `resume` are at the same times").expected("expected another time"),
        Kind::SaysNothing { field, expected } => say(format!("{} says nothing", subject(field))).expected(format!("expected {expected}")),
        Kind::Needs { field, needs, hint } => {
            say(format!("{} needs {needs}", subject(field))).expected(format!("not without {needs}")).hint(*hint)
        }
        _ => return None,
    })
}

fn later(kind: &Kind) -> Text {
    match kind {
        Kind::NotAvailable { feature, instead } => say(format!("{feature} is not available yet"))
            .expected("what would run is not what is written here")
            .hint(*instead),
        Kind::NotYetActedOn { features } => {
            let verb = if features.len() == 1 { "is" } else { "are" };
            say(format!("{} {verb} checked, and not acted on yet", and(features)))
        }
        Kind::ModelsUnbound { variable } => say(format!("`models` does not bind the key in `{variable}`"))
            .expected("a Bedrock API key bypasses the task role")
            .hint("leave the key out: the task role may invoke the models under `models`"),
        // All kinds are named above or in the functions that were asked before: the corpus test hits each of them.
        other => say(other.code()),
    }
}

fn subject(field: &str) -> String {
    if field.is_empty() { "the file".to_owned() } else { format!("`{field}`") }
}

/// A name that a person chose: quoted only if it reads like one, as it could be a secret that slipped.
fn name(key: &str) -> String {
    if super::super::mask::is_plain_name(key) {
        format!("`{key}`")
    } else {
        format!("`{}`", super::super::mask::BULLETS)
    }
}

fn list(names: &[&str]) -> String {
    let mut names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.sort();
    names.join(", ")
}

fn joined(names: &[&str], word: &str) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, front)) => format!("{} {word} {last}", front.join(", ")),
        None => String::new(),
    }
}

fn one_of(names: &[&str]) -> String {
    joined(names, "or")
}

fn and(names: &[&str]) -> String {
    joined(names, "and")
}
