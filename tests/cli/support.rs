//! A directory of one's own, the binary in it, and a running `up`.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// Nothing here takes this long; a test that waits longer has failed.
const PATIENCE: Duration = Duration::from_secs(120);

/// A working directory with a copy of the sample desired state.
pub struct Workplace {
    directory: TempDir,
}

/// What a command did.
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Workplace {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("desired-state");
        for fleet in fs::read_dir(sample).unwrap() {
            let fleet = fleet.unwrap().path();
            let copy = directory.path().join("desired-state").join(fleet.file_name().unwrap());
            fs::create_dir_all(&copy).unwrap();
            for file in fs::read_dir(fleet).unwrap() {
                let file = file.unwrap().path();
                fs::copy(&file, copy.join(file.file_name().unwrap())).unwrap();
            }
        }
        Self { directory }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join("desired-state").join(name)
    }

    /// Replaces a text in a file of the desired state.
    pub fn edit(&self, name: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.file(name)).unwrap();
        assert!(text.contains(from), "{name} does not contain {from}");
        fs::write(self.file(name), text.replacen(from, to, 1)).unwrap();
    }

    /// The binary, with nothing of this machine's AWS configuration.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ropewalk"));
        command.args(arguments).current_dir(self.path()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.path()).env("LANG", "C.UTF-8").env("TZ", "UTC");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        ran(&self.command(arguments).output().unwrap())
    }

    /// Runs it and expects it to succeed.
    pub fn done(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 0, "{arguments:?}\n{}{}", ran.stdout, ran.stderr);
        ran.stdout
    }

    /// What a verb prints for programs.
    pub fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.done(arguments)).unwrap()
    }

    /// One agent's status.
    pub fn status(&self, agent: &str) -> Value {
        self.json(&["status", agent, "-o", "json"])["agents"][0].clone()
    }

    /// All that the history of an agent says, entry by entry.
    pub fn history(&self, agent: &str) -> Vec<Value> {
        let report = self.json(&["history", agent, "-o", "json"]);
        let records = report["records"].as_array().unwrap().clone();
        records.iter().flat_map(|record| record["entries"].as_array().unwrap().clone()).collect()
    }

    /// Waits until an agent's status is as wanted.
    pub fn until(&self, agent: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let started = Instant::now();
        loop {
            let status = self.status(agent);
            if holds(&status) {
                return status;
            }
            assert!(started.elapsed() < PATIENCE, "{agent} is not {what}:\n{status:#}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Starts `up` on a free port and waits until it can be reached.
    pub fn up(&self, arguments: &[&str]) -> Running {
        let mut all = vec!["up", "--listen", "127.0.0.1:0"];
        all.extend(arguments);
        let mut child = self.command(&all).stderr(Stdio::inherit()).spawn().unwrap();
        let lines = lines(&mut child);
        let announced = self.path().join(".ropewalk/up.json");
        let started = Instant::now();
        loop {
            let text = fs::read_to_string(&announced).unwrap_or_default();
            // What a killed one left there is another process's.
            if let Some(running) = serde_json::from_str::<Value>(&text).ok().filter(|up| up["pid"] == child.id()) {
                let endpoint = running["endpoint"].as_str().unwrap().to_owned();
                return Running { child, endpoint, lines };
            }
            assert!(child.try_wait().unwrap().is_none(), "up ended at once");
            assert!(started.elapsed() < PATIENCE, "up did not start");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn ran(output: &Output) -> Ran {
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout.clone()).unwrap(),
        stderr: String::from_utf8(output.stderr.clone()).unwrap(),
    }
}

fn lines(child: &mut Child) -> Receiver<String> {
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in stdout.lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    lines
}

/// An `up` that runs; it is killed when the test ends.
pub struct Running {
    child: Child,
    pub endpoint: String,
    lines: Receiver<String>,
}

impl Running {
    /// Reads what it prints until a line contains this.
    pub fn says(&self, text: &str) -> String {
        let started = Instant::now();
        let mut said = Vec::new();
        loop {
            match self.lines.recv_timeout(PATIENCE.saturating_sub(started.elapsed())) {
                Ok(line) if line.contains(text) => return line,
                Ok(line) => said.push(line),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("up never said {text:?}, but:\n{}", said.join("\n"))
                }
            }
        }
    }

    /// As the power goes out.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// As a person or an init system stops it; its exit code.
    pub fn stop(mut self) -> i32 {
        let stopped = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(stopped.success());
        self.child.wait().unwrap().code().unwrap_or(-1)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
