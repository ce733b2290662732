//! An order for people, and as CSV.

use crate::analysis::ranking::Ranking;
use crate::render::compare::{interval, list, point};
use crate::render::table::{Style, Table};

/// The order for people.
#[must_use]
pub fn render(ranking: &Ranking, style: Style) -> String {
    let mut header = vec!["rank", "subject", "mean ratio", "95% interval"];
    header.extend(ranking.suites.iter().map(String::as_str));
    let mut table = Table::new(&header, 2);
    for place in &ranking.places {
        let (mean, ends) = (point(Some(place.to_best)), interval(Some(place.to_best)));
        let mut cells = vec![place.marked(), place.subject.clone(), mean, ends];
        cells.extend(place.each.iter().map(|(_, ratio)| format!("{ratio:.2}")));
        table.row(cells);
    }
    let mut text = format!(
        "{}, by {}: how many times worse than the best of each suite, geometric mean over {} suites.\n\
         `2=` ties with the row above (threshold {}), of `2?` that is not known (fewer than 3 trials).\n\n{}",
        ranking.run,
        ranking.by.name(),
        ranking.suites.len(),
        ranking.threshold,
        table.draw(style)
    );
    list(&mut text, "Left out", ranking.left_out.iter());
    text
}

/// The order as CSV: a row for each subject and suite.
///
/// # Errors
/// When it cannot be written, which is not to be expected.
pub fn csv(ranking: &Ranking) -> anyhow::Result<String> {
    let mut table = Table::new(
        &[
            "suite",
            "subject",
            "rank",
            "ratio_to_best_of_suite",
            "mean_ratio",
            "mean_ratio_low",
            "mean_ratio_high",
            "beside_above",
            "beside_first",
        ],
        0,
    );
    for place in &ranking.places {
        let ends = place.to_best.interval;
        let number = |number: Option<f64>| number.map_or_else(String::new, |n| n.to_string());
        for (suite, ratio) in &place.each {
            table.row(vec![
                suite.clone(),
                place.subject.clone(),
                place.rank.to_string(),
                ratio.to_string(),
                place.to_best.point.to_string(),
                number(ends.map(|ends| ends.low)),
                number(ends.map(|ends| ends.high)),
                place.beside_above.name().to_owned(),
                place.beside_first.name().to_owned(),
            ]);
        }
    }
    Ok(table.draw(Style::Csv))
}
