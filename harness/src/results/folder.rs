//! `results/<date>-<host>-<rev>/`: where the files of one run lie. Folders are made once; only a
//! run that was cut short is continued in its own.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::redact::redact;
use super::write_atomically;
use crate::config::experiment::Experiment;
use crate::config::replay::Replayed;
use crate::config::subject::Subjects;
use crate::config::suite::Suite;
use crate::config::{FormatError, read_toml};

/// The definitions that are kept with a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kept<'a> {
    /// Subjects, with their templates filled.
    pub(crate) subjects: &'a Subjects,
    /// The same as they were given, for a run that is continued: services are elsewhere then.
    pub(crate) templates: &'a Subjects,
    /// Suites, with the run's settings.
    pub(crate) suites: &'a BTreeMap<String, Suite>,
    /// What the run is made for, where it is made for experiments.
    pub(crate) experiments: &'a BTreeMap<String, Experiment>,
    /// The published claims that it answers, and how.
    pub(crate) replayed: &'a Replayed,
}

/// The folder of one run.
#[derive(Debug, Clone)]
pub struct RunFolder {
    root: PathBuf,
}

impl RunFolder {
    /// Makes a new folder under `results`. When the name is taken (two runs within a second) a
    /// number is added.
    pub(crate) fn create(results: &Path, name: &str) -> Result<Self, FormatError> {
        let failed = |path: &Path, source| FormatError::Write {
            path: path.to_owned(),
            source,
        };
        std::fs::create_dir_all(results).map_err(|source| failed(results, source))?;
        for attempt in 1..1_000 {
            let root = match attempt {
                1 => results.join(name),
                _ => results.join(format!("{name}-{attempt}")),
            };
            match std::fs::create_dir(&root) {
                Ok(()) => {
                    for part in ["definitions/suites", "histograms", "samples"] {
                        let part = root.join(part);
                        std::fs::create_dir_all(&part).map_err(|source| failed(&part, source))?;
                    }
                    return Ok(Self { root });
                }
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(source) => return Err(failed(&root, source)),
            }
        }
        Err(FormatError::invalid(
            results,
            format!("holds a thousand runs called {name} already"),
        ))
    }

    /// An existing folder.
    ///
    /// # Errors
    /// [`FormatError::Invalid`] when it is not the folder of a run.
    pub fn open(root: &Path) -> Result<Self, FormatError> {
        let folder = Self {
            root: root.to_owned(),
        };
        if folder.environment().is_file() {
            return Ok(folder);
        }
        Err(FormatError::invalid(
            root,
            "is not the folder of a run: there is no environment.json in it",
        ))
    }

    /// The runs under `results`, the youngest first.
    pub(crate) fn all(results: &Path) -> Result<Vec<Self>, FormatError> {
        let entries = std::fs::read_dir(results).map_err(|source| FormatError::Read {
            path: results.to_owned(),
            source,
        })?;
        let folders = entries.filter_map(|entry| Self::open(&entry.ok()?.path()).ok());
        let mut folders: Vec<Self> = folders.collect();
        let started = |folder: &Self| Some(Environment::read(&folder.environment()).ok()?.started);
        folders.sort_by_cached_key(|folder| Reverse((started(folder), folder.root.clone())));
        if folders.is_empty() {
            let text = "holds no run yet; make one with `mcp-harness measure`";
            return Err(FormatError::invalid(results, text));
        }
        Ok(folders)
    }

    /// The youngest run under `results`.
    ///
    /// # Errors
    /// [`FormatError`] when the folder cannot be read or holds no run.
    pub fn latest(results: &Path) -> Result<Self, FormatError> {
        Ok(Self::all(results)?.swap_remove(0))
    }

    /// The folder itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// On what and how the run was made, and whether it came to its end.
    pub(crate) fn environment(&self) -> PathBuf {
        self.root.join("environment.json")
    }

    /// A row for each trial.
    #[must_use]
    pub fn trials(&self) -> PathBuf {
        self.root.join("trials.csv")
    }

    /// The trials in their order.
    pub(crate) fn order(&self) -> PathBuf {
        self.root.join("order.csv")
    }

    /// What a search for capacities has confirmed.
    pub(crate) fn capacities(&self) -> PathBuf {
        self.root.join("capacities.csv")
    }

    /// The histograms of one process of a subject, as a path within the folder.
    pub(crate) fn histogram_name(suite: &str, subject: &str, process: u32) -> String {
        format!("histograms/{suite}+{subject}+{process}.hlog")
    }

    /// The samples of one trial, as a path within the folder.
    pub(crate) fn samples_name(suite: &str, subject: &str, trial: u32) -> String {
        format!("samples/{suite}+{subject}+{trial}.csv")
    }

    /// The steps of the warm-up of one process of a subject, as a path within the folder.
    #[must_use]
    pub fn warmup_name(suite: &str, subject: &str, process: u32) -> String {
        format!("warmups/{suite}+{subject}+{process}.csv")
    }

    /// A path within the folder, whose own folder is made where it is missing.
    ///
    /// # Errors
    /// [`FormatError::Write`].
    pub fn made(&self, name: &str) -> Result<PathBuf, FormatError> {
        let path = self.root.join(name);
        let folder = path.parent().unwrap_or(&self.root);
        std::fs::create_dir_all(folder).map_err(|source| FormatError::Write {
            path: folder.to_owned(),
            source,
        })?;
        Ok(path)
    }

    /// Keeps the definitions that the run was made with, without the passwords in their URLs.
    pub(crate) fn write_definitions(&self, kept: &Kept<'_>) -> Result<(), FormatError> {
        write_definition(&self.subjects_file(), kept.subjects)?;
        write_definition(&self.templates_file(), kept.templates)?;
        let experiments = self.experiments_folder();
        if !kept.experiments.is_empty() {
            std::fs::create_dir(&experiments).map_err(|source| FormatError::Write {
                path: experiments.clone(),
                source,
            })?;
        }
        for (name, experiment) in kept.experiments {
            write_definition(&experiments.join(format!("{name}.toml")), experiment)?;
        }
        if !kept.replayed.replay.is_empty() {
            write_definition(&self.replayed_file(), kept.replayed)?;
        }
        let mut suites = kept.suites.iter();
        suites.try_for_each(|(name, suite)| write_definition(&self.suite_file(name), suite))
    }

    /// Keeps a suite whose settings the run has found out.
    pub(crate) fn write_suite(&self, name: &str, suite: &Suite) -> Result<(), FormatError> {
        write_definition(&self.suite_file(name), suite)
    }

    /// One suite of the run.
    pub(crate) fn read_suite(&self, name: &str) -> Result<Suite, FormatError> {
        read_toml(&self.suite_file(name))
    }

    /// The subjects of the run.
    ///
    /// # Errors
    /// [`FormatError`] when they cannot be read back.
    pub fn read_subjects(&self) -> Result<Subjects, FormatError> {
        read_toml(&self.subjects_file())
    }

    /// The subjects of the run as they were given, with templates. Passwords in URLs are missing.
    pub(crate) fn read_templates(&self) -> Result<Subjects, FormatError> {
        read_toml(&self.templates_file())
    }

    /// Whether the run was made for experiments.
    pub(crate) fn has_experiments(&self) -> bool {
        self.experiments_folder().is_dir()
    }

    /// The experiments that the run was made for; none when it was made for none.
    pub(crate) fn read_experiments(&self) -> Result<BTreeMap<String, Experiment>, FormatError> {
        if self.has_experiments() {
            Experiment::read_folder(&self.experiments_folder())
        } else {
            Ok(BTreeMap::new())
        }
    }

    /// The published claims that the run answers; none when it was made for none.
    pub(crate) fn read_replayed(&self) -> Result<Replayed, FormatError> {
        let file = self.replayed_file();
        if file.is_file() {
            read_toml(&file)
        } else {
            Ok(Replayed::default())
        }
    }

    fn replayed_file(&self) -> PathBuf {
        self.root.join("definitions/replay.toml")
    }

    fn experiments_folder(&self) -> PathBuf {
        self.root.join("definitions/experiments")
    }

    fn templates_file(&self) -> PathBuf {
        self.root.join("definitions/templates.toml")
    }

    fn subjects_file(&self) -> PathBuf {
        self.root.join("definitions/subjects.toml")
    }

    fn suite_file(&self, name: &str) -> PathBuf {
        self.root
            .join("definitions/suites")
            .join(format!("{name}.toml"))
    }
}

fn write_definition<T: serde::Serialize>(path: &Path, definition: &T) -> Result<(), FormatError> {
    let text =
        definition_text(definition).map_err(|message| FormatError::invalid(path, message))?;
    write_atomically(path, redact(&text).as_bytes())
}

/// A definition as TOML.
pub(crate) fn definition_text<T: serde::Serialize>(definition: &T) -> Result<String, String> {
    toml::to_string_pretty(definition)
        .map_err(|error| format!("cannot be written as TOML: {error}"))
}
