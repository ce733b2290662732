//! Blocks of documents that are written from a run: between a line
//! `<!-- recorded: BLOCK, run: PATH -->` and the line `<!-- /recorded -->`.

use std::fmt::Write as _;
use std::ops::Range;

use strum::VariantNames as _;

use super::blocks::Block;

/// In the place of a run: the block was written by hand.
pub(crate) const NO_RUN: &str = "none";

const BEGINS: &str = "<!-- recorded: ";
const ENDS: &str = "<!-- /recorded -->";

/// A block of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Marked<'t> {
    /// What it shows.
    pub(crate) block: Block,
    /// The run that it names, as a path from the project's root, or [`NO_RUN`].
    pub(crate) run: &'t str,
    /// Its text, between the empty lines inside of the markers.
    pub(crate) body: &'t str,
    /// Where it stands, both markers with it.
    place: Range<usize>,
}

/// The blocks of a document.
///
/// # Errors
/// A sentence with the line of a marker that makes no sense.
pub(crate) fn marked(text: &str) -> Result<Vec<Marked<'_>>, String> {
    let mut found = Vec::new();
    let mut open: Option<(Block, &str, usize, usize)> = None;
    let mut at = 0;
    for (line, number) in text.split_inclusive('\n').zip(1..) {
        let (from, word) = (at, line.trim_end());
        at += line.len();
        let wrong = |why: &str| Err(format!("line {number}: {why}"));
        if let Some(marker) = word.strip_prefix(BEGINS) {
            if open.is_some() {
                return wrong("a block begins in another one");
            }
            let parts = marker
                .strip_suffix(" -->")
                .and_then(|one| one.split_once(", run: "));
            let Some((block, run)) = parts else {
                return wrong("write `<!-- recorded: BLOCK, run: PATH -->`");
            };
            let Ok(block) = block.parse() else {
                let known = Block::VARIANTS.join(", ");
                return wrong(&format!("there is no block \"{block}\"; known: {known}"));
            };
            open = Some((block, run, from, at));
        } else if word == ENDS {
            let Some((block, run, begins, body)) = open.take() else {
                return wrong("a block ends that has not begun");
            };
            let body = &text[body..from];
            let body = body.strip_prefix('\n').unwrap_or(body);
            let body = body.strip_suffix('\n').unwrap_or(body);
            found.push(Marked {
                block,
                run,
                body,
                place: begins..at,
            });
        }
    }
    match open {
        Some((block, ..)) => Err(format!("the block {block} has no end `{ENDS}`")),
        None => Ok(found),
    }
}

/// The document with these blocks written anew: each with its run and its text.
pub(crate) fn spliced(text: &str, blocks: &[(Marked<'_>, String, String)]) -> String {
    let mut new = String::new();
    let mut at = 0;
    for (marked, run, body) in blocks {
        new.push_str(&text[at..marked.place.start]);
        let block = marked.block;
        let _ = write!(new, "{BEGINS}{block}, run: {run} -->\n\n{body}\n{ENDS}\n");
        at = marked.place.end;
    }
    new + &text[at..]
}

#[cfg(test)]
mod tests {
    use super::{marked, spliced};

    const PAGE: &str = "# Page\n\n<!-- recorded: costs, run: none -->\n\nold\n\n<!-- /recorded -->\n\n\
        Text.\n\n<!-- recorded: picture, run: a/b -->\n<!-- /recorded -->\nEnd.\n";

    #[test]
    fn blocks_are_found_and_written_in_their_places() {
        let found = marked(PAGE).unwrap();
        let shown: Vec<_> = found
            .iter()
            .map(|one| (one.block.to_string(), one.run, one.body))
            .collect();
        let expected = [("costs", "none", "old\n"), ("picture", "a/b", "")];
        assert_eq!(shown, expected.map(|(a, b, c)| (a.to_owned(), b, c)));
        let new: Vec<_> = found
            .into_iter()
            .map(|one| (one, "c/d".to_owned(), "new\n".to_owned()))
            .collect();
        let page = spliced(PAGE, &new);
        for part in [
            "# Page\n\n<!-- recorded: costs, run: c/d -->\n\nnew\n\n<!-- /recorded -->\n\nText.",
            "\n\n<!-- recorded: picture, run: c/d -->\n\nnew\n\n<!-- /recorded -->\nEnd.\n",
        ] {
            assert!(page.contains(part), "{part} in {page}");
        }
        let again = marked(&page).unwrap();
        assert!(again.iter().all(|one| one.body == "new\n"), "{again:?}");
        assert_eq!(spliced(&page, &[]), page);
    }

    #[test]
    fn markers_that_make_no_sense_are_rejected_with_their_line() {
        for (from, to, told) in [
            (
                "costs",
                "prices",
                "line 3: there is no block \"prices\"; known: costs, picture",
            ),
            (", run: none", "", "line 3: write"),
            (
                "<!-- recorded: costs, run: none -->",
                "",
                "line 7: a block ends",
            ),
            (
                "<!-- /recorded -->\n\nText",
                "Text",
                "line 9: a block begins in another",
            ),
            (
                "<!-- /recorded -->\nEnd",
                "End",
                "the block picture has no end",
            ),
        ] {
            let error = marked(&PAGE.replacen(from, to, 1)).unwrap_err();
            assert!(error.contains(told), "{told}: {error}");
        }
    }
}
