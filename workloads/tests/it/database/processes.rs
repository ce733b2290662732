//! Several processes on one file: at once, after a kill, and where there can be no database.

use std::{
    env,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use sqlx::{ConnectOptions, sqlite::SqliteConnectOptions};
use tempfile::TempDir;
use workloads::{
    database::{Database, DatabaseOptions},
    storage::StorageError,
};

use super::place::total_found;

const PRODUCTS: i64 = 100_000;

/// Names the database that a child opens.
const CHILD_URL: &str = "MCP_TEST_CHILD_DATABASE_URL";

/// The tests below start this program anew, with this test alone and a URL in its environment.
#[tokio::test]
async fn a_process_opens_a_database() {
    let url = env::var(CHILD_URL).unwrap_or_else(|_| "sqlite::memory:".to_owned());
    let database = open(&url).await.unwrap();
    assert_eq!(total_found(&database).await.unwrap(), 2_251);
}

fn spawn(file: &Path) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "database::processes::a_process_opens_a_database"])
        .env(CHILD_URL, url(file))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Several times: processes meet in the same moment of a first start only now and then.
#[tokio::test]
async fn three_processes_at_once() {
    let folder = TempDir::new().unwrap();
    for round in 0..5 {
        let file = folder.path().join(format!("not/yet/there/{round}.db"));
        let children: Vec<Child> = (0..3).map(|_| spawn(&file)).collect();
        for child in children {
            let output = child.wait_with_output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "round {round}: {said}");
            assert!(said.contains("1 passed"), "{said}");
        }
        assert_whole(&file).await;
    }
}

#[tokio::test]
async fn a_killed_process_is_resumed() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("products.db");
    let mut child = spawn(&file);
    let deadline = Instant::now() + Duration::from_secs(30);
    while count(&file).await.unwrap_or(0) == 0 {
        assert!(Instant::now() < deadline, "nothing was seeded");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let left = count(&file).await.unwrap();
    assert!(
        0 < left && left < PRODUCTS,
        "killed too late to show anything: {left}"
    );
    assert_whole(&file).await;
}

#[tokio::test]
async fn what_cannot_be_a_database_says_so() {
    let folder = TempDir::new().unwrap();
    let blocked = folder.path().join("a_file");
    std::fs::write(&blocked, "this is no database, and no folder either").unwrap();
    for (url, says) in [
        (
            url(&blocked),
            vec!["a_file", "not a database", "--database-url"],
        ),
        (
            url(&blocked.join("x.db")),
            vec!["cannot create the folder", "a_file"],
        ),
        (
            "sqlite:x.db?color=red".to_owned(),
            vec!["not valid", "sqlite::memory:"],
        ),
        (
            "mysql://u:secret@host/db".to_owned(),
            vec!["u:***@host/db", "sqlite:PATH"],
        ),
    ] {
        let refused = open(&url).await.unwrap_err().to_string();
        for part in says {
            assert!(refused.contains(part), "{part:?} is missing: {refused}");
        }
    }
}

fn url(file: &Path) -> String {
    format!("sqlite:{}", file.display())
}

async fn open(url: &str) -> Result<Database, StorageError> {
    Database::open(&DatabaseOptions::new(url)).await
}

/// How many products are in the table, over a connection of its own.
async fn count(file: &Path) -> sqlx::Result<i64> {
    let options = SqliteConnectOptions::new().filename(file);
    let mut connection = options.connect().await?;
    let count = sqlx::query_scalar("SELECT count(*) FROM products");
    count.fetch_one(&mut connection).await
}

/// Opens the file again, which completes it, and checks that it is whole.
async fn assert_whole(file: &Path) {
    let database = open(&url(file)).await.unwrap();
    assert_eq!(count(file).await.unwrap(), PRODUCTS);
    assert_eq!(total_found(&database).await.unwrap(), 2_251);
}
