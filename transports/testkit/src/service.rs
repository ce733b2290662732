//! Real services for tests, started by `scripts/services` in folders of their own. They end with
//! this process, however it ends.

use std::{
    path::{Path, PathBuf},
    process::{self, Command},
    sync::atomic::{AtomicU32, Ordering},
};

/// A server of `PostgreSQL` or Redis.
pub struct Service {
    name: &'static str,
    folder: PathBuf,
    /// Its URL; `PostgreSQL`'s names an empty database.
    pub url: String,
}

impl Service {
    /// Starts a new one: `postgres` or `redis`.
    #[must_use]
    pub fn up(name: &'static str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let mut service = Self {
            name,
            folder: crate::target_tmp().join(format!("services-{}-{number}", process::id())),
            url: String::new(),
        };
        service.ask(&["up", "--while", &process::id().to_string()]);
        service.ask(&["url"]).trim().clone_into(&mut service.url);
        service
    }

    /// Ends it as a crash would.
    pub fn kill(&self) {
        self.ask(&["kill"]);
    }

    /// Starts it again, where it was. It answers when this returns.
    pub fn start(&self) {
        self.ask(&["start"]);
    }

    fn ask(&self, verb: &[&str]) -> String {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/services");
        let output = Command::new(script)
            .args(verb)
            .arg(self.name)
            .arg("--folder")
            .arg(&self.folder)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{verb:?} {}: {said}", self.name);
        String::from_utf8(output.stdout).unwrap()
    }
}
