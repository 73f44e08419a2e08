//! The cloud's state on disk: one JSON file per account and region, one for the account's IAM.
//!
//! A file is written beside and renamed over, so that it is always whole. The kernel keeps what was written when the
//! process is killed; no more than that is promised (a power cut may lose the last moments).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::world::{Account, Accounts, World};

/// The file of an account's IAM; no region has this name.
const IAM_FILE: &str = "iam.json";

/// Why the state could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error("cannot read {path}")]
    Read { path: PathBuf, source: io::Error },
    #[error("{path} is not a state file of this version of the embedded cloud; move it away to start afresh")]
    Format { path: PathBuf, source: serde_json::Error },
}

/// Reads everything below `directory`; a directory that is not there yet is an empty cloud.
pub(crate) fn load(directory: &Path) -> Result<Accounts, LoadError> {
    let mut accounts = Accounts::new();
    for account_directory in entries(&directory.join("accounts"))? {
        let name = file_name(&account_directory);
        let mut account = Account::default();
        for file in entries(&account_directory)? {
            let file_name = file_name(&file);
            if file_name == IAM_FILE {
                account.iam = read(&file)?;
            } else if let Some(region) = file_name.strip_suffix(".json") {
                let world: World = read(&file)?;
                account.regions.insert(region.to_owned(), world);
            }
        }
        accounts.insert(name, account);
    }
    Ok(accounts)
}

/// Writes one region's state, and then the account's IAM: what the second refers to is already there.
pub(crate) fn save(directory: &Path, account: &str, region: &str, state: &Account) -> io::Result<()> {
    let folder = directory.join("accounts").join(account);
    fs::create_dir_all(&folder)?;
    if let Some(world) = state.regions.get(region) {
        write(&folder, &format!("{region}.json"), world)?;
    }
    write(&folder, IAM_FILE, &state.iam)
}

fn write(folder: &Path, name: &str, value: &impl Serialize) -> io::Result<()> {
    let temporary = folder.join(format!("{name}.new"));
    fs::write(&temporary, serde_json::to_vec(value)?)?;
    fs::rename(&temporary, folder.join(name))
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T, LoadError> {
    let bytes = fs::read(path).map_err(|source| LoadError::Read { path: path.to_owned(), source })?;
    serde_json::from_slice(&bytes).map_err(|source| LoadError::Format { path: path.to_owned(), source })
}

fn entries(directory: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let failed = |source| LoadError::Read { path: directory.to_owned(), source };
    match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(failed(error)),
        Ok(entries) => entries.map(|entry| entry.map(|entry| entry.path()).map_err(failed)).collect(),
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
