//! Which AWS a verb speaks to. A command that is meant for production must never land in the sandbox, nor the other way
//! round, so nothing falls back silently.

use std::path::{Path, PathBuf};

use crate::cli::args::Target;
use crate::cli::exit::Usage;
use crate::cli::running::{Found, Running};

/// Variables that say how to speak to AWS, and not to which: they make no target.
const NO_TARGET: [&str; 10] = [
    "AWS_CA_BUNDLE",
    "AWS_CLI_AUTO_PROMPT",
    "AWS_CLI_HISTORY_FILE",
    "AWS_DATA_PATH",
    "AWS_DEFAULT_OUTPUT",
    "AWS_EC2_METADATA_DISABLED",
    "AWS_MAX_ATTEMPTS",
    "AWS_PAGER",
    "AWS_RETRY_MODE",
    "AWS_SDK_LOAD_CONFIG",
];

/// What the environment says of AWS.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Environment {
    /// The first `AWS_*` variable that is set and names a target.
    pub variable: Option<String>,
    /// `AWS_ENDPOINT_URL`.
    pub endpoint_url: Option<String>,
    /// The file that holds a default profile.
    pub profile: Option<PathBuf>,
}

/// The AWS that was chosen.
#[derive(Clone, Debug, PartialEq)]
pub enum Choice {
    /// That of a running `up`.
    Embedded(Running),
    Aws {
        endpoint_url: Option<String>,
    },
}

/// A choice, and what a person should be told of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Chosen {
    pub choice: Choice,
    pub remark: Option<String>,
}

impl Environment {
    /// As it is.
    pub fn read() -> Self {
        let mut variables: Vec<String> = std::env::vars_os()
            .filter(|(_, value)| !value.is_empty())
            .filter_map(|(name, _)| name.into_string().ok())
            .filter(|name| names_a_target(name))
            .collect();
        variables.sort();
        Self {
            variable: variables.into_iter().next(),
            endpoint_url: std::env::var("AWS_ENDPOINT_URL").ok().filter(|url| !url.is_empty()),
            profile: std::env::home_dir().and_then(|home| default_profile(&home)),
        }
    }

    /// What makes AWS the target, in words.
    fn aws(&self) -> Option<String> {
        match (&self.variable, &self.profile) {
            (Some(variable), _) => Some(format!("{variable} is set")),
            (None, Some(file)) => Some(format!("{} has a default profile", file.display())),
            (None, None) => None,
        }
    }
}

fn names_a_target(variable: &str) -> bool {
    variable.starts_with("AWS_") && !NO_TARGET.contains(&variable)
}

/// The file of the home directory that has a default profile.
fn default_profile(home: &Path) -> Option<PathBuf> {
    let has_default = |path: &PathBuf| {
        std::fs::read_to_string(path)
            .is_ok_and(|text| text.lines().map(str::trim).any(|line| matches!(line, "[default]" | "[profile default]")))
    };
    ["config", "credentials"].iter().map(|name| home.join(".aws").join(name)).find(has_default)
}

/// Chooses.
///
/// # Errors
/// If there is nothing to speak to; the text names the ways out.
pub fn choose(target: &Target, environment: &Environment, found: Found) -> Result<Chosen, Usage> {
    let aws = |endpoint_url: Option<String>| Choice::Aws { endpoint_url };
    if target.local {
        return match found {
            Found::Living(running) => Ok(embedded(running)),
            Found::Dead(running) => Err(dead(&running)),
            Found::Nothing => Err(Usage(
                "no `ropewalk up` runs in this directory (there is no .ropewalk/up.json); start one with: ropewalk up"
                    .to_owned(),
            )),
        };
    }
    if let Some(url) = &target.endpoint_url {
        return Ok(Chosen { choice: aws(Some(url.clone())), remark: None });
    }
    match (environment.aws(), found) {
        (Some(why), Found::Living(_)) => Ok(Chosen {
            choice: aws(environment.endpoint_url.clone()),
            remark: Some(format!(
                "speaking to AWS, because {why}; --local speaks to the `ropewalk up` of this directory"
            )),
        }),
        (Some(_), Found::Nothing | Found::Dead(_)) => {
            Ok(Chosen { choice: aws(environment.endpoint_url.clone()), remark: None })
        }
        (None, Found::Living(running)) => Ok(embedded(running)),
        (None, Found::Dead(running)) => Err(dead(&running)),
        (None, Found::Nothing) => Err(Usage(
            "nothing to speak to: no AWS is configured (no AWS_* variable, no default profile, no --endpoint-url), \
             and no `ropewalk up` runs in this directory\n  \
             for AWS:           export AWS_PROFILE=…\n  \
             on this machine:   ropewalk up"
                .to_owned(),
        )),
    }
}

fn embedded(running: Running) -> Chosen {
    let remark =
        format!("speaking to the embedded AWS of `ropewalk up` (process {}, {})", running.pid, running.endpoint);
    Chosen { choice: Choice::Embedded(running), remark: Some(remark) }
}

fn dead(running: &Running) -> Usage {
    Usage(format!(
        "the `ropewalk up` of this directory is dead (process {} of .ropewalk/up.json); start it again with: ropewalk up, \
         or name an AWS (AWS_PROFILE, --endpoint-url)",
        running.pid
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running() -> Running {
        Running {
            pid: 7,
            endpoint: "http://127.0.0.1:4599".to_owned(),
            directory: "/x".into(),
            table: "ropewalk".to_owned(),
            places: Vec::new(),
        }
    }

    fn variable(name: &str) -> Environment {
        Environment { variable: Some(name.to_owned()), ..Environment::default() }
    }

    fn local() -> Target {
        Target { local: true, ..Target::default() }
    }

    #[test]
    fn a_running_up_is_used_only_where_no_aws_is_configured() {
        let none = Environment::default();
        let chosen = choose(&Target::default(), &none, Found::Living(running())).unwrap();
        assert_eq!(chosen.choice, Choice::Embedded(running()));
        let said = chosen.remark.unwrap();
        assert_eq!(said, "speaking to the embedded AWS of `ropewalk up` (process 7, http://127.0.0.1:4599)");

        let chosen = choose(&Target::default(), &variable("AWS_PROFILE"), Found::Living(running())).unwrap();
        assert_eq!(chosen.choice, Choice::Aws { endpoint_url: None });
        assert!(chosen.remark.unwrap().contains("because AWS_PROFILE is set; --local"));
    }

    #[test]
    fn a_variable_that_says_only_how_to_speak_is_no_target() {
        assert!(names_a_target("AWS_PROFILE") && names_a_target("AWS_ACCESS_KEY_ID") && names_a_target("AWS_REGION"));
        assert!(!names_a_target("AWS_PAGER") && !names_a_target("HOME"));
    }

    #[test]
    fn a_profile_file_makes_aws_the_target() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(default_profile(home.path()), None);
        let directory = home.path().join(".aws");
        std::fs::create_dir(&directory).unwrap();
        std::fs::write(directory.join("config"), "[profile other]\nregion = us-east-1\n").unwrap();
        assert_eq!(default_profile(home.path()), None);
        std::fs::write(directory.join("credentials"), "[default]\naws_access_key_id = x\n").unwrap();
        assert_eq!(default_profile(home.path()), Some(directory.join("credentials")));
    }

    #[test]
    fn local_wins_over_the_environment_and_never_falls_back() {
        let chosen = choose(&local(), &variable("AWS_PROFILE"), Found::Living(running())).unwrap();
        assert_eq!(chosen.choice, Choice::Embedded(running()));
        let error = choose(&local(), &variable("AWS_PROFILE"), Found::Nothing).unwrap_err().to_string();
        assert!(error.starts_with("no `ropewalk up` runs in this directory"), "{error}");
    }

    #[test]
    fn a_dead_up_is_an_error_and_not_aws() {
        let error = choose(&Target::default(), &Environment::default(), Found::Dead(running())).unwrap_err();
        assert!(error.to_string().contains("is dead (process 7"), "{error}");
    }

    #[test]
    fn without_anything_both_ways_out_are_named() {
        let error = choose(&Target::default(), &Environment::default(), Found::Nothing).unwrap_err().to_string();
        assert!(error.contains("AWS_PROFILE") && error.contains("ropewalk up"), "{error}");
    }

    #[test]
    fn an_endpoint_on_the_command_line_is_the_target() {
        let target = Target { endpoint_url: Some("http://127.0.0.1:1".to_owned()), ..Target::default() };
        let chosen = choose(&target, &Environment::default(), Found::Living(running())).unwrap();
        assert_eq!(chosen.choice, Choice::Aws { endpoint_url: Some("http://127.0.0.1:1".to_owned()) });
    }
}
