//! Who changed the desired state: asked of the `git` CLI, which every work tree's owner has.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::ledger::Provenance;

/// A repository that takes longer than this to answer is as good as none: provenance never delays convergence.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Separates the fields of a log line; no author's name holds it.
const SEPARATOR: char = '\u{1f}';

/// A git work tree as it is now. Commits are remembered per set of files as long as `HEAD` stays.
#[derive(Debug, Default)]
pub(super) struct Git {
    head: Option<String>,
    known: BTreeMap<Vec<PathBuf>, Provenance>,
}

impl Git {
    /// Where the content of these files comes from: the newest commit that changed one of them, and whether one of them
    /// has changes that are not committed. One answer per set of files, in order; empty answers outside of a work tree.
    pub(super) async fn provenance(&mut self, directory: &Path, file_sets: &[Vec<PathBuf>]) -> Vec<Provenance> {
        let Some((head, prefix)) = head_and_prefix(directory).await else {
            return vec![Provenance::default(); file_sets.len()];
        };
        if self.head.as_ref() != Some(&head) {
            self.known.clear();
            self.head = Some(head);
        }
        let changed = changed_files(directory, &prefix).await;
        let mut answers = Vec::with_capacity(file_sets.len());
        for files in file_sets {
            let committed = match self.known.get(files) {
                Some(known) => known.clone(),
                None => newest_commit(directory, files).await,
            };
            self.known.insert(files.clone(), committed.clone());
            // Untracked folders are listed by themselves.
            let uncommitted = files.iter().any(|file| changed.iter().any(|path| file.starts_with(path)));
            answers.push(Provenance { uncommitted, ..committed });
        }
        answers
    }
}

/// The commit that is checked out (empty before the first), and the directory's path inside of the work tree.
async fn head_and_prefix(directory: &Path) -> Option<(String, PathBuf)> {
    let prefix = git(directory, &["rev-parse", "--show-prefix"]).await?;
    let head = git(directory, &["rev-parse", "--verify", "--quiet", "HEAD"]).await.unwrap_or_default();
    Some((head, PathBuf::from(prefix.trim_end_matches('\n'))))
}

/// What is not committed, relative to the directory.
async fn changed_files(directory: &Path, prefix: &Path) -> BTreeSet<PathBuf> {
    let listing = git(directory, &["status", "--porcelain=v1", "-z", "--no-renames", "--", "."]).await;
    let listing = listing.unwrap_or_default();
    // Each entry is two status letters, a blank and a path from the top of the work tree.
    let paths = listing.split('\0').filter_map(|entry| entry.get(3..));
    paths.map(|path| Path::new(path).strip_prefix(prefix).unwrap_or(Path::new("")).to_owned()).collect()
}

async fn newest_commit(directory: &Path, files: &[PathBuf]) -> Provenance {
    let mut arguments = vec!["--literal-pathspecs", "log", "-1", "--format=%H%x1f%an <%ae>%x1f%s", "--"];
    arguments.extend(files.iter().filter_map(|file| file.to_str()));
    let line = git(directory, &arguments).await.unwrap_or_default();
    let mut fields = line.trim_end().split(SEPARATOR).map(|field| Some(field.to_owned()).filter(|f| !f.is_empty()));
    let mut field = || fields.next().flatten();
    Provenance { commit: field(), author: field(), subject: field(), uncommitted: false }
}

/// One git command's output; `None` if it failed, for whatever reason.
async fn git(directory: &Path, arguments: &[&str]) -> Option<String> {
    let command = Command::new("git")
        .arg("-C")
        .arg(directory)
        .args(arguments)
        // `git status` would else take the index lock, and a person's own git command would fail.
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(TIMEOUT, command).await.ok()?.ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A work tree with `desired/dev/{fleet,agent}.yaml` committed one after the other.
    struct WorkTree(tempfile::TempDir);

    impl WorkTree {
        async fn new() -> Self {
            let tree = Self(tempfile::tempdir().unwrap());
            tree.run(&["init", "--quiet"]).await;
            tree.write("dev/fleet.yaml", "1").await;
            tree.commit("Add the fleet").await;
            tree.write("dev/agent.yaml", "1").await;
            tree.commit("Add the agent\n\nWith a body.").await;
            tree
        }

        fn desired(&self) -> PathBuf {
            self.0.path().join("desired")
        }

        async fn run(&self, arguments: &[&str]) {
            let identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false"];
            git(self.0.path(), &[&identity, arguments].concat()).await.expect("git works");
        }

        async fn write(&self, path: &str, text: &str) {
            let path = self.desired().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        async fn commit(&self, message: &str) {
            self.run(&["add", "--all"]).await;
            self.run(&["commit", "--quiet", "--message", message]).await;
        }

        async fn of(&self, git: &mut Git, files: &[&str]) -> Provenance {
            let files = files.iter().map(PathBuf::from).collect();
            git.provenance(&self.desired(), &[files]).await.remove(0)
        }
    }

    #[tokio::test]
    async fn each_file_has_the_commit_that_changed_it_last() {
        let (tree, mut git) = (WorkTree::new().await, Git::default());
        let agent = tree.of(&mut git, &["dev/agent.yaml"]).await;
        assert_eq!(agent.subject.as_deref(), Some("Add the agent"));
        assert_eq!(agent.author.as_deref(), Some("Ada <ada@example.com>"));
        assert_eq!(agent.commit.as_ref().map(String::len), Some(40));
        assert!(!agent.uncommitted);
        let fleet = tree.of(&mut git, &["dev/fleet.yaml"]).await;
        assert_eq!(fleet.subject.as_deref(), Some("Add the fleet"));
        let both = tree.of(&mut git, &["dev/agent.yaml", "dev/fleet.yaml"]).await;
        assert_eq!(both, agent, "of several files the newest commit counts");
    }

    #[tokio::test]
    async fn changes_that_are_not_committed_are_said_so_for_their_file_alone() {
        let (tree, mut git) = (WorkTree::new().await, Git::default());
        tree.write("dev/agent.yaml", "2").await;
        tree.write("new/other.yaml", "1").await;
        assert!(tree.of(&mut git, &["dev/agent.yaml"]).await.uncommitted);
        assert!(!tree.of(&mut git, &["dev/fleet.yaml"]).await.uncommitted);
        let untracked = tree.of(&mut git, &["new/other.yaml"]).await;
        assert_eq!(untracked, Provenance { uncommitted: true, ..Provenance::default() });
        tree.commit("Change the agent").await;
        let agent = tree.of(&mut git, &["dev/agent.yaml"]).await;
        assert_eq!((agent.subject.as_deref(), agent.uncommitted), (Some("Change the agent"), false));
    }

    #[tokio::test]
    async fn outside_of_a_work_tree_nothing_is_known_and_nothing_fails() {
        let directory = tempfile::tempdir().unwrap();
        let answers = Git::default().provenance(directory.path(), &[vec![PathBuf::from("a.yaml")]]).await;
        assert_eq!(answers, [Provenance::default()]);
    }
}
