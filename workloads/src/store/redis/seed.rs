//! The content in Redis: it adds the keys that are missing, and removes those of the store.
//!
//! Each key comes with one command, so it is there as a whole or not at all, and a seeding that was
//! interrupted continues with the keys that are missing.

use std::{ops::Range, time::Duration};

use redis::{FromRedisValue, Pipeline};

use super::{Redis, Request, keys};
use crate::{
    storage::StorageError,
    store::{
        content,
        seed::{Part, Seeded},
        to_json,
    },
};

/// Keys that Redis looks at for each step of a scan.
const SCANNED: u32 = 1_000;

/// How long one batch may take. Redis needs milliseconds for it, and shares this machine.
const LIMIT: Duration = Duration::from_secs(30);

impl Seeded for Redis {
    type Error = StorageError;

    async fn put(&mut self, part: Part, numbers: Range<u32>) -> Result<(), StorageError> {
        let mut commands = Pipeline::new();
        if part == Part::Ranking {
            // One key: Redis itself adds the members that are missing.
            let add = commands.cmd("ZADD").arg(keys::POPULAR).arg("NX");
            for popular in numbers.map(content::popular) {
                add.arg(popular.score)
                    .arg(keys::product(popular.product_id));
            }
        } else {
            let mut exist = Pipeline::new();
            for number in numbers.clone() {
                exist.cmd("EXISTS").arg(key(part, number));
            }
            let exist: Vec<bool> = send(self, &exist).await?;
            let numbers = numbers.zip(exist).filter(|(_, exists)| !exists);
            numbers.for_each(|(number, _)| put(&mut commands, part, number));
        }
        if commands.is_empty() {
            return Ok(());
        }
        send::<redis::Value>(self, &commands).await.map(|_| ())
    }
}

/// Removes every key of the store, and no other.
pub(super) async fn clear(store: &Redis) -> Result<(), StorageError> {
    let mut cursor = String::from("0");
    loop {
        let mut scan = Pipeline::new();
        let command = scan
            .cmd("SCAN")
            .arg(&cursor)
            .arg("MATCH")
            .arg(keys::PATTERN);
        command.arg("COUNT").arg(SCANNED);
        let ((next, found),): ((String, Vec<String>),) = send(store, &scan).await?;
        let ours: Vec<String> = found.into_iter().filter(|key| keys::is_ours(key)).collect();
        if !ours.is_empty() {
            let mut unlink = Pipeline::new();
            unlink.cmd("UNLINK").arg(ours).ignore();
            send::<()>(store, &unlink).await?;
        }
        if next == "0" {
            return Ok(());
        }
        cursor = next;
    }
}

/// The key of an entry of `part`.
fn key(part: Part, number: u32) -> String {
    match part {
        Part::Carts => keys::cart(&content::user_id(number)),
        Part::Histories => keys::history(&content::user_id(number)),
        Part::Ranking => keys::POPULAR.to_owned(),
        Part::RateCounters => keys::rate_counter(number),
    }
}

/// Adds the command that puts an entry of `part` at its key.
fn put(commands: &mut Pipeline, part: Part, number: u32) {
    let key = key(part, number);
    match part {
        Part::Carts => {
            let cart = content::cart(number);
            let set = commands.cmd("HSET").arg(key);
            set.arg("user_id").arg(content::user_id(number));
            set.arg("items").arg(to_json(&cart.items));
            set.arg("created").arg(content::CART_CREATED);
            set.arg("expires").arg(content::CART_EXPIRES);
            set.arg("total").arg(cart.total);
        }
        Part::Histories => {
            let append = commands.cmd("RPUSH").arg(key);
            for order in content::history(number) {
                append.arg(to_json(&order));
            }
        }
        Part::Ranking => {}
        Part::RateCounters => {
            commands.cmd("SET").arg(key).arg(0).arg("NX");
        }
    }
}

async fn send<T: FromRedisValue>(store: &Redis, commands: &Pipeline) -> Result<T, StorageError> {
    store
        .send(Request {
            commands,
            writes: false,
            limit: LIMIT,
        })
        .await
}
