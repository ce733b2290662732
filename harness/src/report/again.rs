//! The command that makes a recorded row again.

use crate::results::environment::Environment;

/// What chooses subjects and suites: replaced by the row's own.
const CHOOSES: [&str; 6] = [
    "--scenario",
    "--suite",
    "--subject",
    "--transport",
    "--runtime",
    "--fast-path",
];

/// What describes a server without a definition: its run has one subject and no names to choose.
const DESCRIBES: [&str; 2] = ["--url", "--command"];

/// The command of a run.
pub(super) fn of_run(environment: &Environment) -> String {
    line(environment.command.iter().map(String::as_str))
}

/// The command that makes one row of a run again. Rows of experiments, and of servers that have no
/// definition, are made by the command of their run.
pub(super) fn of_row(environment: &Environment, suite: &str, subject: &str) -> String {
    let command = &environment.command;
    let is_described = command
        .iter()
        .any(|word| flag_of(word, &DESCRIBES).is_some());
    if is_described || !command.iter().any(|word| word == "measure") {
        return of_run(environment);
    }
    // `--at-rate` makes this suite of the one that it is named after.
    let suite = suite.strip_suffix("@rate").unwrap_or(suite);
    let is_scenario = (command.iter()).any(|word| flag_of(word, &["--scenario"]).is_some());
    let own = match suite.split_once('.') {
        Some((scenario, _)) if is_scenario => ["--scenario", scenario, "--subject", subject],
        _ => ["--suite", suite, "--subject", subject],
    };
    line(without_choice(command).into_iter().chain(own))
}

/// The words of a command without the flags that choose, and without their values.
fn without_choice(command: &[String]) -> Vec<&str> {
    let mut words = Vec::new();
    let mut is_value = false;
    for word in command {
        let is_chosen = std::mem::take(&mut is_value);
        match flag_of(word, &CHOOSES) {
            Some(has_value) => is_value = !has_value,
            None if is_chosen => {}
            None => words.push(word.as_str()),
        }
    }
    words
}

/// Whether a word is one of these flags, and then whether it has its value in it.
fn flag_of(word: &str, flags: &[&str]) -> Option<bool> {
    flags
        .iter()
        .find_map(|flag| match word.strip_prefix(flag)? {
            "" => Some(false),
            rest => rest.starts_with('=').then_some(true),
        })
}

/// The words as a shell takes them.
pub(super) fn line<'w>(words: impl Iterator<Item = &'w str> + Clone) -> String {
    // A word with a NUL cannot have come from a command line.
    shlex::try_join(words.clone()).unwrap_or_else(|_| words.collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::of_row;
    use crate::analysis::dataset::golden_for_tests;

    fn again(words: &[&str], suite: &str) -> String {
        let mut environment = golden_for_tests().environment;
        environment.command = words.iter().map(|word| (*word).to_owned()).collect();
        of_row(&environment, suite, "quick")
    }

    #[test]
    fn a_row_is_made_again_with_the_settings_of_its_run() {
        let words = [
            "mcp-harness",
            "measure",
            "--suite",
            "echo,other",
            "--runtime=tokio",
            "--seed",
            "7",
        ];
        assert_eq!(
            again(&words, "echo"),
            "mcp-harness measure --seed 7 --suite echo --subject quick"
        );
        let words = [
            "mcp-harness",
            "measure",
            "--at-rate",
            "auto",
            "--subject",
            "a b",
        ];
        assert_eq!(
            again(&words, "echo@rate"),
            "mcp-harness measure --at-rate auto --suite echo --subject quick"
        );
    }

    #[test]
    fn a_row_of_a_scenario_is_made_again_by_its_scenario() {
        let words = ["mcp-harness", "measure", "--scenario", "team,memory"];
        assert_eq!(
            again(&words, "team.echo"),
            "mcp-harness measure --scenario team --subject quick"
        );
    }

    #[test]
    fn what_has_no_names_is_made_again_as_a_whole() {
        for words in [
            ["mcp-harness", "experiments", "--only", "pool"],
            ["mcp-harness", "measure", "--url", "http://127.0.0.1:1/mcp"],
        ] {
            assert_eq!(again(&words, "echo"), words.join(" "));
        }
    }
}
