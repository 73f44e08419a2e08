//! The files of a desired state: every `*.yaml` and `*.yml`, two levels deep.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// How deep files are looked for: `fleet.yaml` beside its agents, or one folder a fleet.
const LEVELS: usize = 2;

/// What one reading of a directory found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Files {
    /// Content by path, relative to the directory.
    pub contents: BTreeMap<PathBuf, Vec<u8>>,
    /// What is there and could not be read, files and folders: path → why.
    pub unreadable: BTreeMap<PathBuf, String>,
}

impl Files {
    /// Reads all files.
    ///
    /// # Errors
    /// If the directory itself cannot be listed. What fails inside of it is in [`Files::unreadable`].
    pub(crate) fn read(directory: &Path) -> io::Result<Self> {
        let mut files = Self::default();
        let listed = files.read_level(directory, Path::new(""), LEVELS);
        listed.map(|()| files)
    }

    fn read_level(&mut self, directory: &Path, folder: &Path, levels: usize) -> io::Result<()> {
        for entry in fs::read_dir(directory.join(folder))? {
            let name = entry?.file_name();
            // Hidden names are editors' locks and swap files, and `.git`.
            if name.to_string_lossy().starts_with('.') {
                continue;
            }
            self.read_entry(directory, folder.join(name), levels);
        }
        Ok(())
    }

    fn read_entry(&mut self, directory: &Path, path: PathBuf, levels: usize) {
        let absolute = directory.join(&path);
        // Follows symbolic links: mounted configuration is often made of them.
        let is_folder = fs::metadata(&absolute).map(|metadata| metadata.is_dir());
        let read = match is_folder {
            Ok(true) if levels > 1 => self.read_level(directory, &path, levels - 1),
            Ok(true) => Ok(()),
            Ok(false) | Err(_) if !is_yaml(&path) => Ok(()),
            Ok(false) => fs::read(&absolute).map(|content| {
                self.contents.insert(path.clone(), content);
            }),
            Err(error) => Err(error),
        };
        match read {
            Ok(()) => {}
            // Gone between listing and reading: the next reading decides whether it is really gone.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => {
                self.unreadable.insert(path, error.to_string());
            }
        }
    }
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_files_of_two_levels_are_read_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        fs::create_dir_all(root.join("dev/deeper")).unwrap();
        fs::create_dir_all(root.join(".git")).unwrap();
        for path in
            ["a.yaml", "dev/b.yml", "dev/deeper/c.yaml", "dev/notes.md", ".git/d.yaml", "dev/.#b.yaml", "dev/b.yaml~"]
        {
            fs::write(root.join(path), path).unwrap();
        }
        let files = Files::read(root).unwrap();
        let paths: Vec<_> = files.contents.keys().map(|path| path.to_str().unwrap()).collect();
        assert_eq!(paths, ["a.yaml", "dev/b.yml"]);
        assert!(files.unreadable.is_empty());
    }

    #[test]
    fn a_directory_that_is_not_there_is_an_error_not_an_empty_one() {
        let directory = tempfile::tempdir().unwrap();
        assert!(Files::read(&directory.path().join("missing")).is_err());
    }

    #[test]
    #[cfg(unix)]
    fn a_dangling_link_is_as_if_it_were_not_there() {
        let directory = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("nowhere", directory.path().join("a.yaml")).unwrap();
        assert_eq!(Files::read(directory.path()).unwrap(), Files::default());
    }
}
