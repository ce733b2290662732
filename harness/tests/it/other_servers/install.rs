//! Installs what the servers of others need, at the versions of their lock files, once for a target
//! folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program of another language: what runs it, and its file.
pub(crate) struct Program {
    pub(crate) interpreter: PathBuf,
    pub(crate) file: PathBuf,
}

impl Program {
    /// As a person would write it.
    pub(crate) fn command(&self) -> String {
        format!("'{}' '{}'", self.interpreter.display(), self.file.display())
    }
}

/// A program on the official TypeScript SDK: `server.mjs`, or the client `call.mjs`.
pub(crate) fn typescript(file: &str) -> Program {
    let files = [
        "package.json",
        "package-lock.json",
        "server.mjs",
        "call.mjs",
    ];
    let folder = installed("typescript", &files, |folder| {
        run(Command::new("npm")
            .args([
                "ci",
                "--silent",
                "--no-audit",
                "--no-fund",
                "--ignore-scripts",
            ])
            .current_dir(folder));
    });
    Program {
        interpreter: PathBuf::from("node"),
        file: folder.join(file),
    }
}

/// The `FastMCP` server.
pub(crate) fn python() -> Program {
    let files = ["requirements.txt", "server.py"];
    let folder = installed("python", &files, |folder| {
        run(Command::new("python3")
            .args(["-m", "venv"])
            .arg(folder.join("venv")));
        run(Command::new(folder.join("venv/bin/python"))
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--no-deps",
            ])
            .arg("--requirement")
            .arg(folder.join("requirements.txt")));
    });
    Program {
        interpreter: folder.join("venv/bin/python"),
        file: folder.join("server.py"),
    }
}

/// The folder of a server under the target folder, its files copied and what they need installed.
/// Tests that come meanwhile wait.
fn installed(name: &str, files: &[&str], install: impl FnOnce(&Path)) -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/other_servers")
        .join(name);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("other_servers")
        .join(name);
    fs::create_dir_all(&folder).unwrap();
    let lock = fs::File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    let is_new = |file: &str| fs::read(own.join(file)).ok() != fs::read(folder.join(file)).ok();
    let is_done = folder.join("installed");
    let is_needed = !is_done.exists() || files.iter().any(|file| is_new(file));
    if is_needed {
        let _ = fs::remove_file(&is_done);
        for file in files {
            fs::copy(own.join(file), folder.join(file)).unwrap();
        }
        install(&folder);
        fs::write(&is_done, "").unwrap();
    }
    folder
}

#[track_caller]
fn run(command: &mut Command) {
    let output = command.output();
    let output = output.unwrap_or_else(|error| {
        panic!("cannot start {command:?}: {error}; the tests of servers in other languages need it")
    });
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed:\n{said}");
}
