//! A lesson on a terminal, and the part of its page that holds what was measured.

use super::bars::{self, Bar};
use super::replay::sentence;
use super::table::{Document, Table};
use crate::analysis::dataset::Dataset;
use crate::analysis::experiments::{self, Finding, Found, Reading};
use crate::analysis::replay::{Answered, number};
use crate::config::lesson::Lesson;
use crate::config::published::Claims;
use crate::results::trial::Trial;

/// Columns of a line of text.
const COLUMNS: usize = 100;

/// What was measured of a lesson.
pub(crate) struct Measured<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// The run.
    pub(crate) run: &'a Dataset,
    /// Its comparisons.
    pub(crate) findings: Vec<Finding>,
    /// Its claims, as far as the run answers them.
    pub(crate) answered: Vec<Answered>,
}

/// The course: a row for each lesson, with the seconds that its experiment takes.
pub(crate) fn course(lessons: &[(&String, &Lesson, f64)]) -> Table {
    let mut table = Table::new(&["lesson", "name", "question", "seconds"], 3);
    for (name, lesson, seconds) in lessons {
        table.row(vec![
            lesson.number.to_string(),
            (*name).clone(),
            lesson.question.clone(),
            format!("{seconds:.0}"),
        ]);
    }
    table
}

/// What is said before the measurement: the question, the claims, and what to predict.
pub(crate) fn question(lesson: &Lesson, claims: &Claims) -> String {
    let title = format!("Lesson {}: {}", lesson.number, lesson.question);
    let mut text = format!("{title}\n{}\n\n", "=".repeat(title.chars().count()));
    for id in lesson.ids(claims).unwrap_or_default() {
        let source = claims.source(id).map_or("", |source| source.name.as_str());
        let says = claims.get(id).map_or("", |claim| claim.says.as_str());
        text.push_str(&wrapped(
            &format!("Published ({id}, {source}): {says}."),
            "",
        ));
    }
    if let Some(said) = &lesson.often_said {
        text.push_str(&wrapped(&format!("Often said: {said}"), ""));
    }
    text.push_str(&wrapped(&format!("\nPredict: {}", lesson.predict), ""));
    text + "\n"
}

impl Measured<'_> {
    /// Whether the run holds anything of the lesson.
    pub(crate) fn is_there(&self) -> bool {
        let mut all = self.findings.iter();
        all.any(|one| one.bars().iter().any(|(_, figure)| figure.is_some()))
    }

    /// Whether all of it could be measured.
    pub(crate) fn is_complete(&self) -> bool {
        self.findings.iter().all(Finding::is_measured)
    }

    /// The picture, the verdicts and where the page is, for a terminal.
    pub(crate) fn text(&self) -> String {
        let mut text = picture(&self.findings);
        text.push_str(&self.verdicts());
        text + &format!(
            "\nWhy, and what to do: docs/lessons/{}.md\nThe run: {}\n",
            self.name, self.run.run
        )
    }

    /// What stands between the marks of the page.
    pub(crate) fn page(&self) -> String {
        let environment = &self.run.environment;
        let (machine, source) = (&environment.machine, &environment.source);
        let date = environment.started.get(..10).unwrap_or_default();
        let commit = source.commit.get(..7).unwrap_or("unknown");
        let kernel: Vec<&str> = machine.kernel.split(' ').take(2).collect();
        let wrong = |trial: &Trial| trial.errors + trial.errors_around();
        let intro = format!(
            "`just lesson {}` on {date}, commit {commit}: {} trials, {} wrong answers. {}, {} usable cores, {}. Behind a bar: \
             the least and the most of its trials.",
            self.name,
            self.run.trials.len(),
            self.run.trials.iter().map(wrong).sum::<u64>(),
            machine.cpu_model,
            machine.cores_usable,
            kernel.join(" "),
        );
        let picture = picture(&self.findings);
        format!(
            "{}\n```text\n{}```\n{}",
            wrapped(&intro, ""),
            picture,
            self.verdicts()
        )
    }

    /// All of it for programs.
    pub(crate) fn document(&self) -> Document {
        let mut document = Document::default();
        document.fact("lesson", self.name);
        document.fact("run", &self.run.run);
        document.table("variants", experiments::variants(&self.findings));
        document.table("comparisons", experiments::table(&self.findings));
        document.fact("claims", &self.answered);
        document
    }

    /// A list of the verdicts on claims; nothing where the run answers none.
    fn verdicts(&self) -> String {
        let lines = self.answered.iter();
        let lines = lines.map(|one| wrapped(&format!("- {}", sentence(one)), "  "));
        let lines: String = lines.collect();
        if lines.is_empty() {
            lines
        } else {
            format!("\n{lines}")
        }
    }
}

/// One picture of all comparisons: a group of bars for each, and its verdict.
fn picture(findings: &[Finding]) -> String {
    findings.iter().map(group).collect::<Vec<_>>().join("\n")
}

fn group(one: &Finding) -> String {
    let comparison = &one.comparison;
    let head = format!("{} ({})", comparison.what, comparison.figure.name());
    let bars: Vec<Bar> = one.bars().into_iter().map(bar).collect();
    let mut text = wrapped(&head, "") + &bars::draw(&bars);
    for found in &one.found {
        if let Some(worth) = worth(one, found) {
            text.push_str(&wrapped(&format!("  {worth}"), "  "));
        }
    }
    text
}

fn bar((name, reading): (String, Option<Reading>)) -> Bar {
    let note = match reading {
        Some((_, least, most)) if most > least => {
            format!("{} to {}", number(least), number(most))
        }
        _ => String::new(),
    };
    Bar {
        name,
        length: reading.map(|(value, ..)| value),
        text: reading.map_or_else(|| "not measured".to_owned(), |(value, ..)| number(value)),
        note,
    }
}

/// How many times better one side of a comparison is, and how surely.
fn worth(one: &Finding, found: &Found) -> Option<String> {
    let base = one.comparison.base.as_ref()?;
    let with = &one.comparison.with;
    let sides = if one.comparison.variants.is_empty() {
        format!("{}: {with} beside {base}", found.suite)
    } else {
        format!("{with} beside {base}")
    };
    let compared = found.compared.as_ref()?;
    let Some(gain) = compared.gain() else {
        return Some(format!("{sides}: not measured ({})", compared.why));
    };
    let interval = gain.interval.map_or_else(
        || "no interval: fewer than three trials hold".to_owned(),
        |ends| format!("95% interval {} to {}", number(ends.low), number(ends.high)),
    );
    let word = compared.threshold.words(compared.verdict);
    let doubt = if found.holds {
        ""
    } else {
        "; doubtful, the warnings of the report say why"
    };
    Some(format!(
        "{sides}: {} times as good ({interval}): {word}{doubt}",
        number(gain.point)
    ))
}

/// Puts what was measured between the marks of a page.
///
/// # Errors
/// A sentence when the page does not have both marks once.
pub(crate) fn filled(page: &str, name: &str, measured: &str) -> Result<String, String> {
    let (begin, end) = (format!("<!-- measured: {name} -->"), "<!-- /measured -->");
    let once = |mark: &str| match page.matches(mark).count() {
        1 => Ok(()),
        count => Err(format!("the mark {mark} is there {count} times, not once")),
    };
    once(&begin)?;
    once(end)?;
    let parts = page.split_once(&begin).zip(page.split_once(end));
    match parts {
        Some(((before, _), (until, after))) if until.len() >= before.len() + begin.len() => {
            let measured = measured.trim_end();
            Ok(format!("{before}{begin}\n\n{measured}\n\n{end}{after}"))
        }
        _ => Err(format!("the mark {end} stands before {begin}")),
    }
}

/// Text in lines of so many columns; lines after the first begin with the indent.
fn wrapped(text: &str, indent: &str) -> String {
    let begin = text.len() - text.trim_start().len();
    let mut lines = text[..begin].to_owned();
    let mut length = lines.rsplit('\n').next().map_or(0, str::len);
    let mut is_first = true;
    for word in text.split_whitespace() {
        let columns = word.chars().count();
        if !is_first && length + 1 + columns > COLUMNS {
            lines.push('\n');
            lines.push_str(indent);
            length = indent.len();
        } else if !is_first {
            lines.push(' ');
            length += 1;
        }
        lines.push_str(word);
        length += columns;
        is_first = false;
    }
    lines + "\n"
}

#[cfg(test)]
mod tests {
    use super::{COLUMNS, filled, wrapped};

    const PAGE: &str = "# A\n\n<!-- measured: a -->\n\nold\n\n<!-- /measured -->\n\nWhy.\n";

    #[test]
    fn a_page_gets_what_was_measured_between_its_marks_and_nothing_else_changes() {
        let once = filled(PAGE, "a", "new\n").unwrap();
        assert_eq!(once, PAGE.replace("old", "new"));
        assert_eq!(filled(&once, "a", "old").unwrap(), PAGE);
    }

    #[test]
    fn a_page_with_other_marks_is_left_alone() {
        for (page, told) in [
            (PAGE.replace(": a ", ": b "), "measured: a --> is there 0"),
            (PAGE.replace("old", "<!-- /measured -->"), "is there 2"),
            (
                "<!-- /measured -->\n<!-- measured: a -->".to_owned(),
                "stands before",
            ),
        ] {
            let error = filled(&page, "a", "new").unwrap_err();
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn lines_end_before_the_last_column_and_lose_no_word() {
        let text = "word ".repeat(60);
        let lines = wrapped(&format!("- {text}"), "  ");
        assert!(lines.lines().all(|line| line.len() <= COLUMNS), "{lines}");
        assert!(lines.lines().skip(1).all(|line| line.starts_with("  word")));
        assert_eq!(lines.matches("word").count(), 60);
        assert_eq!(wrapped("\nPredict: it.", ""), "\nPredict: it.\n");
    }
}
