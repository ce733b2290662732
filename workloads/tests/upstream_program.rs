//! The program `upstream`: its ready line, its flags, its end.

use std::process::Stdio;

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

#[tokio::test]
async fn the_program_says_that_it_is_ready_serves_and_ends_on_a_signal() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_upstream"))
        .args(["--workers", "1"])
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let ready = lines.next_line().await.unwrap().unwrap();
    let url = ready.strip_prefix("ready ").expect("the ready line");
    assert!(url.starts_with("http://127.0.0.1:"), "{ready}");
    let health: Value = reqwest::get(format!("{url}/health"))
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(health["status"], "ok");
    let id = child.id().unwrap().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .await
            .unwrap()
            .success()
    );
    let status = child.wait().await.unwrap();
    assert_eq!(status.code(), Some(0));
    assert_eq!(lines.next_line().await.unwrap(), None);
}

#[tokio::test]
async fn the_program_refuses_bad_flags() {
    for arguments in [
        ["--workers", "0"],
        ["--listen", "nowhere"],
        ["--no-such", "x"],
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_upstream"))
            .args(arguments)
            .output()
            .await
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(arguments[0]), "{said}");
    }
}
