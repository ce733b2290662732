//! The products database: the first server makes and fills it, the others share it.

use std::process::Command;

use nix::sys::signal::Signal::SIGTERM;
use serde_json::json;
use testkit::process::bare;

use crate::{
    common::{Client, Server, Subject},
    front_door::subjects::SERVERS,
};

const SERVER: Subject = SERVERS[0];

/// A server over a database of its own.
fn over(url: &str) -> Command {
    let mut command = bare(SERVER.binary);
    command.args(["--database-url", url]);
    command
}

/// The URL of a file that is not there yet, below a folder that is not there yet.
fn new_file(name: &str) -> String {
    let file = testkit::folder().join(name).join("products.db");
    format!("sqlite:{}", file.display())
}

fn finds_all(server: &mut Server) {
    let found = Client::ready(server).right("query_products", &json!({}));
    assert_eq!(found["total_found"], 2251);
}

#[test]
fn a_database_in_memory_works() {
    finds_all(&mut Server::spawn(&SERVER, over("sqlite::memory:")));
}

#[test]
fn without_a_url_the_database_is_in_the_cache_folder() {
    let cache = testkit::folder().join("cache");
    let mut command = bare(SERVER.binary);
    command.env("XDG_CACHE_HOME", &cache);
    finds_all(&mut Server::spawn(&SERVER, command));
    assert!(cache.join("mcp-transport-lab/products.db").is_file());
}

#[cfg(feature = "postgres")]
#[test]
fn a_server_that_never_answers_ends_the_start_with_a_clear_message() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let mut command = over(&format!("postgres://lab:secret@{address}/products"));
    command.args(["--pool-timeout", "0.5"]);
    let mut server = Server::launch(&SERVER, command);
    assert!(!server.ready());
    assert_eq!(server.ended().code(), Some(1));
    let said = server.log().whole().join("\n");
    let url = format!("postgres://lab:***@{address}/products");
    for part in [url.as_str(), "did not answer", "0.5 s", "--database-url"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains("secret"), "{said}");
}

#[cfg(feature = "redis")]
#[test]
fn a_store_that_never_answers_is_named_to_its_caller() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let url = format!("redis://lab:secret@{address}/0");
    let mut command = over("sqlite::memory:");
    command.args(["--store-url", &url, "--pool-timeout", "0.5"]);
    let mut server = Server::spawn(&SERVER, command);
    let mut client = Client::ready(&mut server);
    let said = client.wrong("get_user_cart", &json!({"user_id": "user-00042"}));
    for part in [&*address.to_string(), "did not answer", "--store-url"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    for part in ["secret", "--store-pool"] {
        assert!(!said.contains(part), "{part}: {said}");
    }
    client.is_served();
}

#[test]
fn two_servers_fill_one_new_database_together() {
    let url = new_file("together");
    let mut servers = [0, 1].map(|_| Server::launch(&SERVER, over(&url)));
    for server in &mut servers {
        assert!(server.ready(), "it ended before it was ready");
    }
    servers.iter_mut().for_each(finds_all);
}

#[test]
fn a_signal_ends_the_filling_and_the_next_server_resumes_it() {
    let url = new_file("resumed");
    let mut first = Server::launch(&SERVER, over(&url));
    let filling = first
        .log()
        .wait_for(|line| line.contains("seeding products"));
    assert!(filling.is_some(), "it ended before it had begun");
    first.signal(SIGTERM);
    first.ended_well();
    finds_all(&mut Server::spawn(&SERVER, over(&url)));
}
