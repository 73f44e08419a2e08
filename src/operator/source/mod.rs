//! Where the desired state comes from: a directory, watched, and the git work tree around it.
//!
//! Whatever happens to the files, the operator has one whole desired state at any time: what cannot be used now stays as
//! it last was, and the reading says so.

mod files;
mod git;
mod reading;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::task::AbortOnDropHandle;

pub(crate) use self::files::Files;
use self::git::Git;
use self::reading::Parsed;
pub use self::reading::Reading;
use crate::ledger::Provenance;
use crate::spec::{self, Severity, SourceFile};

// Files belong to the real world: these times are the real clock's also where the cloud's time is scaled.

/// Editors and `git checkout` write several times in a row: only after this much silence is it worth reading.
const DEBOUNCE: Duration = Duration::from_millis(100);
/// A directory that is written to all the time is read all the same.
const LONGEST_DEBOUNCE: Duration = Duration::from_secs(1);
/// What is missing is looked for once more after this: some editors move a file away before they write the new one.
const RECHECK: Duration = Duration::from_secs(1);
/// Watching can lose events (network file systems, a replaced directory, a commit that changes no file), so the
/// directory is read anew at times.
const REREAD: Duration = Duration::from_secs(30);
/// The same where the system does not let us watch at all.
const REREAD_UNWATCHED: Duration = Duration::from_secs(2);

/// A desired state that changes over time.
#[derive(Debug)]
pub struct Source {
    readings: watch::Receiver<Arc<Reading>>,
    _watching: Option<AbortOnDropHandle<()>>,
}

impl Source {
    /// Reads a directory and watches it from then on, until the source is dropped.
    pub async fn watch(directory: &Path) -> Self {
        let mut reader = Reader::new(directory);
        let (sender, readings) = watch::channel(Arc::new(reader.read_with_provenance().await));
        let watching = AbortOnDropHandle::new(tokio::spawn(follow(reader, sender)));
        Self { readings, _watching: Some(watching) }
    }

    /// Readings that somebody else makes.
    pub fn from_readings(readings: watch::Receiver<Arc<Reading>>) -> Self {
        Self { readings, _watching: None }
    }

    /// One reading that stays.
    pub fn still(reading: Reading) -> Self {
        // A receiver keeps the last value after its sender is gone.
        Self::from_readings(watch::channel(Arc::new(reading)).1)
    }

    /// The desired state as it stands.
    pub fn current(&self) -> Arc<Reading> {
        self.readings.borrow().clone()
    }

    /// The desired state now and whenever it changes.
    pub fn readings(&self) -> watch::Receiver<Arc<Reading>> {
        self.readings.clone()
    }
}

/// Reads a directory again and again, and remembers the last good version of everything.
#[derive(Debug)]
pub struct Reader {
    directory: PathBuf,
    last: Reading,
    git: Git,
}

impl Reader {
    pub fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), last: Reading::default(), git: Git::default() }
    }

    /// Reads the directory, without asking git.
    pub fn read(&mut self) -> Reading {
        let next = match Files::read(&self.directory) {
            Ok(files) if files.contents.is_empty() && files.unreadable.is_empty() => {
                self.last.after_failure(format!("{} holds no YAML file", self.directory.display()))
            }
            Ok(files) => self.last.after(parse(files)),
            Err(error) => self.last.after_failure(format!("cannot read {}: {error}", self.directory.display())),
        };
        self.last = next;
        self.last.clone()
    }

    /// Reads the directory, and asks git where its content comes from.
    pub async fn read_with_provenance(&mut self) -> Reading {
        let before = std::mem::take(&mut self.last.provenance);
        let reading = self.read();
        // What holds its last good version comes from where it came from then.
        let agents = reading.state.fleets.values().flat_map(|fleet| {
            fleet.agents.values().map(|agent| (agent.id.clone(), vec![fleet.file.clone(), agent.file.clone()]))
        });
        let (ids, file_sets): (Vec<_>, Vec<_>) =
            agents.filter(|(id, _)| !(reading.invalid.contains_key(id) && before.contains_key(id))).unzip();
        let answers = self.git.provenance(&self.directory, &file_sets).await;
        let kept = before.into_iter().filter(|(id, _)| reading.invalid.contains_key(id));
        let provenance: BTreeMap<_, Provenance> = kept.chain(ids.into_iter().zip(answers)).collect();
        self.last.provenance = provenance;
        self.last.clone()
    }
}

/// Parses what was read; what is broken or unreadable gets its reason in one line.
fn parse(files: Files) -> Parsed {
    let sources: Vec<SourceFile> =
        files.contents.into_iter().map(|(path, content)| SourceFile { path, content }).collect();
    let parsed = spec::parse(&sources);
    let mut broken = files.unreadable;
    for problem in &parsed.problems {
        if problem.severity() == Severity::Error && parsed.broken.contains(&problem.file) {
            let place = format!("{}:{}: {}", problem.file.display(), problem.line, problem.message);
            broken.entry(problem.file.clone()).or_insert(place);
        }
    }
    for file in parsed.broken {
        broken.entry(file).or_insert_with(|| "the file cannot be used".to_owned());
    }
    Parsed { state: parsed.state, problems: parsed.problems, broken }
}

/// Reads whenever something changes, and publishes what is another desired state than before.
async fn follow(mut reader: Reader, sender: watch::Sender<Arc<Reading>>) {
    let (notice, mut notices) = mpsc::unbounded_channel();
    let mut watcher = start_watching(&reader.directory, &notice);
    while !sender.is_closed() {
        let pause = match &watcher {
            _ if reader.last.is_provisional() => RECHECK,
            Some(_) => REREAD,
            None => REREAD_UNWATCHED,
        };
        tokio::select! {
            biased;
            _ = notices.recv() => settle(&mut notices).await,
            // The directory may have been replaced by another of its name: the old watch would see nothing of it. The
            // new one begins before the reading, so nothing is lost between them.
            () = sleep(pause) => watcher = start_watching(&reader.directory, &notice),
        }
        let reading = reader.read_with_provenance().await;
        sender.send_if_modified(|current| {
            let changed = **current != reading;
            if changed {
                *current = Arc::new(reading);
            }
            changed
        });
    }
}

/// Waits until nothing has changed for a moment.
async fn settle(notices: &mut mpsc::UnboundedReceiver<()>) {
    let latest = Instant::now() + LONGEST_DEBOUNCE;
    while Instant::now() < latest
        && matches!(timeout_at(latest.min(Instant::now() + DEBOUNCE), notices.recv()).await, Ok(Some(())))
    {}
}

fn start_watching(directory: &Path, notice: &mpsc::UnboundedSender<()>) -> Option<RecommendedWatcher> {
    let notice = notice.clone();
    let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Our own reading opens files: it must not wake us again.
        if !event.is_ok_and(|event| event.kind.is_access()) {
            // The receiver is gone only when nobody reads any more.
            let _ = notice.send(());
        }
    });
    let watched = watcher.and_then(|mut watcher| {
        watcher.watch(directory, RecursiveMode::Recursive)?;
        Ok(watcher)
    });
    watched.inspect_err(|error| tracing::warn!(%error, "cannot watch the directory; reading it again and again")).ok()
}

#[cfg(test)]
mod tests;
