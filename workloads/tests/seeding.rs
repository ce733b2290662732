//! The first start: alone, many at once, in several processes, and after one that was killed.
//!
//! This program is its own child: called with `seed URL` it opens that database and ends. That is
//! why it has a `main` of its own instead of the test harness's.

#![expect(
    clippy::expect_used,
    reason = "a test program without the test harness, which is what clippy recognises tests by"
)]

use std::{
    env,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use sqlx::{ConnectOptions, sqlite::SqliteConnectOptions};
use tempfile::TempDir;
use workloads::{
    catalog::PriceRange,
    database::{Database, DatabaseOptions, ProductFilter},
};

const PRODUCTS: i64 = 100_000;

type Check = fn(&TempDir);

const CHECKS: [(&str, Check); 5] = [
    ("three_processes_at_once", three_processes_at_once),
    ("a_killed_process_is_resumed", a_killed_process_is_resumed),
    (
        "two_pools_in_one_process_at_once",
        two_pools_in_one_process_at_once,
    ),
    ("a_dropped_opening_is_resumed", a_dropped_opening_is_resumed),
    (
        "what_cannot_be_a_database_says_so",
        what_cannot_be_a_database_says_so,
    ),
];

fn main() {
    let arguments: Vec<String> = env::args().collect();
    if let [_, verb, url] = arguments.as_slice()
        && verb == "seed"
    {
        block_on(open(url)).expect("the database opens");
        return;
    }
    for (name, check) in CHECKS {
        let folder = TempDir::new().expect("a folder");
        let started = Instant::now();
        check(&folder);
        println!("test {name} ... ok ({} ms)", started.elapsed().as_millis());
    }
    // A check that fails panics: getting here is passing. The harness's own words, so that whoever
    // counts tests counts these.
    println!(
        "\ntest result: ok. {} passed; 0 failed; 0 ignored",
        CHECKS.len()
    );
}

/// Several times: processes meet in the same moment of a first start only now and then.
fn three_processes_at_once(folder: &TempDir) {
    for round in 0..5 {
        let file = folder.path().join(format!("not/yet/there/{round}.db"));
        let children: Vec<Child> = (0..3).map(|_| spawn(&file)).collect();
        for child in children {
            let output = child.wait_with_output().expect("the child ends");
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "round {round}: {said}");
        }
        assert_whole(&file);
    }
}

fn a_killed_process_is_resumed(folder: &TempDir) {
    let file = folder.path().join("products.db");
    let mut child = spawn(&file);
    let deadline = Instant::now() + Duration::from_secs(30);
    while block_on(count(&file)).unwrap_or(0) == 0 {
        assert!(Instant::now() < deadline, "nothing was seeded");
        thread::sleep(Duration::from_millis(1));
    }
    child.kill().expect("the child is there to be killed");
    child.wait().expect("the child ends");
    let left = block_on(count(&file)).expect("a table");
    assert!(
        0 < left && left < PRODUCTS,
        "killed too late to show anything: {left}"
    );
    block_on(open(&url(&file))).expect("it is resumed");
    assert_whole(&file);
}

fn two_pools_in_one_process_at_once(folder: &TempDir) {
    let file = folder.path().join("products.db");
    let url = url(&file);
    block_on(async {
        let (first, second) = tokio::join!(open(&url), open(&url));
        first.expect("the first opens");
        second.expect("the second opens");
    });
    assert_whole(&file);
}

fn a_dropped_opening_is_resumed(folder: &TempDir) {
    let file = folder.path().join("products.db");
    let url = url(&file);
    block_on(async {
        let until_some = async {
            while count(&file).await.unwrap_or(0) == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::select! {
            _ = open(&url) => panic!("opened before it could be dropped"),
            () = until_some => {}
        }
        let left = count(&file).await.expect("a table");
        assert!(0 < left && left < PRODUCTS, "{left}");
        open(&url).await.expect("it is resumed");
    });
    assert_whole(&file);
}

fn what_cannot_be_a_database_says_so(folder: &TempDir) {
    let blocked = folder.path().join("a_file");
    std::fs::write(&blocked, "this is no database, and no folder either").expect("a file");
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
        let refused = block_on(open(&url)).expect_err("no database").to_string();
        for part in says {
            assert!(refused.contains(part), "{part:?} is missing: {refused}");
        }
    }
}

fn spawn(file: &Path) -> Child {
    Command::new(env::current_exe().expect("this program"))
        .args(["seed", &url(file)])
        .stderr(Stdio::piped())
        .spawn()
        .expect("a child")
}

fn url(file: &Path) -> String {
    format!("sqlite:{}", file.display())
}

async fn open(url: &str) -> Result<Database, workloads::database::DatabaseError> {
    Database::open(&DatabaseOptions::new(url)).await
}

/// How many products are in the table, seen from a connection of nobody's pool.
async fn count(file: &Path) -> sqlx::Result<i64> {
    let options = SqliteConnectOptions::new().filename(file);
    let mut connection = options.connect().await?;
    let count = sqlx::query_scalar("SELECT count(*) FROM products");
    count.fetch_one(&mut connection).await
}

fn assert_whole(file: &Path) {
    assert_eq!(block_on(count(file)).expect("a table"), PRODUCTS);
    let filter = ProductFilter {
        category: "Electronics",
        price: PriceRange::new(50.0, 500.0).expect("a range"),
        limit: 1,
    };
    let page = block_on(async {
        let database = open(&url(file)).await.expect("it opens again");
        database.find_products(&filter).await.expect("an answer")
    });
    assert_eq!(page.total_found, 2_251);
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(future)
}
