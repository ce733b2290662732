//! Every prepared call of some suites, once, to one subject: which answers are right, and how the
//! others differ.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;

use super::target::verification;
use super::testbed::Testbed;
use crate::config::subject::Role;
use crate::config::suite::Suite;
use crate::interrupt::Interrupt;
use crate::load::{self, CallError, Exchange, LoadError, Verification, Verified};
use crate::run::process::Ended;

/// Different complaints that are kept of one suite.
const SHOWN: usize = 3;

/// A suite and its prepared calls, by name.
pub(crate) type Prepared<'a> = BTreeMap<&'a str, (&'a Suite, Vec<Exchange>)>;

/// One subject in one suite.
#[derive(Debug, Serialize)]
pub(crate) struct Checked {
    pub(crate) subject: String,
    pub(crate) suite: String,
    pub(crate) tool: String,
    pub(crate) right: usize,
    pub(crate) calls: usize,
    /// What differed, each once.
    pub(crate) wrong: Vec<String>,
}

/// Starts the subject and checks its answers. A floor has a start for each suite, because its
/// answers have a length.
pub(crate) fn check(
    bench: &Testbed,
    name: &str,
    prepared: &Prepared<'_>,
    call_timeout: Duration,
    interrupt: &Interrupt,
) -> anyhow::Result<Vec<Checked>> {
    let all = || prepared.iter().map(|(suite, part)| (*suite, part));
    let starts: Vec<(Option<u32>, Vec<_>)> = match bench.subject(name)?.role {
        Role::Server => vec![(None, all().collect())],
        Role::Floor => all()
            .filter(|(_, (suite, _))| suite.answer_bytes.is_some())
            .map(|one| (one.1.0.answer_bytes, vec![one]))
            .collect(),
    };
    let mut checked = Vec::new();
    for (answer_bytes, suites) in starts {
        let exchanges: Vec<Exchange> = (suites.iter())
            .flat_map(|(_, (_, exchanges))| exchanges.clone())
            .collect();
        let asked = ask(
            bench,
            name,
            answer_bytes,
            &exchanges,
            call_timeout,
            interrupt,
        );
        let verified = match asked {
            Err(error) => Err(format!("{error:#}")),
            Ok(asked) => match asked.verified {
                Err(error) => Err(format!("{error}\nits last lines:\n{}", asked.last_lines)),
                Ok(_) if asked.ended.killed => {
                    Err("it did not end within the grace time after SIGTERM".to_owned())
                }
                Ok(verified) => Ok(verified),
            },
        };
        let answers = verified
            .as_ref()
            .map_or(&[][..], |verified| &verified.answers);
        let mut answers = answers.iter();
        for (suite, (definition, exchanges)) in suites {
            let mut one = Checked {
                subject: name.to_owned(),
                suite: suite.to_owned(),
                tool: definition.label(),
                right: 0,
                calls: exchanges.len(),
                wrong: Vec::new(),
            };
            match &verified {
                Err(text) => one.wrong.push(text.clone()),
                Ok(verified) => {
                    let mut called = exchanges.iter().filter_map(|one| one.tool.as_ref());
                    let is_unknown = |tool: &&String| !verified.tools.contains(tool);
                    if let Some(tool) = called.find(is_unknown)
                        && answer_bytes.is_none()
                    {
                        let tools = verified.tools.join(", ");
                        one.wrong
                            .push(format!("tools/list does not hold it ({tool}): {tools}"));
                    }
                    judge(&mut one, exchanges, answers.by_ref().take(exchanges.len()));
                }
            }
            checked.push(one);
        }
    }
    Ok(checked)
}

/// What a subject answered, and how it ended.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) verified: Result<Verification, LoadError>,
    pub(super) ended: Ended,
    pub(super) last_lines: String,
}

/// Starts a subject, lists its tools, makes each call once, and ends it.
pub(super) fn ask(
    bench: &Testbed,
    name: &str,
    answer_bytes: Option<u32>,
    exchanges: &[Exchange],
    call_timeout: Duration,
    interrupt: &Interrupt,
) -> anyhow::Result<Asked> {
    let mut started = bench.start(name, answer_bytes, interrupt)?;
    let options = verification(bench.subject(name)?, call_timeout, interrupt)?;
    let verified = load::verify(started.target, exchanges, options);
    let ended = started.running.stop();
    Ok(Asked {
        verified,
        ended,
        last_lines: started.running.last_lines(),
    })
}

fn judge<'v>(
    one: &mut Checked,
    exchanges: &[Exchange],
    answers: impl Iterator<Item = &'v Result<Verified, CallError>>,
) {
    let mut seen = BTreeSet::new();
    for (exchange, answer) in exchanges.iter().zip(answers) {
        let Err(error) = answer else {
            one.right += 1;
            continue;
        };
        if seen.insert(error.text.clone()) && seen.len() <= SHOWN {
            let arguments: String = exchange.arguments.to_string().chars().take(300).collect();
            one.wrong.push(format!("{error}; asked with {arguments}"));
        }
    }
    if one.right < one.calls && one.wrong.is_empty() {
        let text = format!("only {} of {} calls were made", one.right, one.calls);
        one.wrong.push(text);
    }
}
