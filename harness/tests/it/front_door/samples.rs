//! The series of a trial: what server, services and client were like in its window.

use harness::results::samples::{Who, read};

use super::support::Project;

/// The columns that are promised.
const COLUMNS: &str = "at_ms,who,cpu_user_ms,cpu_system_ms,rss_bytes,threads,open_files,\
                       context_switches_voluntary,context_switches_involuntary";

#[test]
fn each_trial_has_a_series_and_its_row_the_totals() {
    let project = Project::new(&["right", "stdio-right"]);
    project
        .measure(&["--trials", "1", "--duration-s", "0.5"])
        .exits(0);
    for trial in project.trials() {
        let file = format!("samples/echo+{}+1.csv", trial.subject);
        assert_eq!(trial.samples, file);
        let path = project.results().join(&file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().next(), Some(COLUMNS));
        let rows = read(&path).unwrap();
        let of = |who| rows.iter().filter(move |row| row.who == who);
        // One at each edge, and some in between.
        assert!(of(Who::Server).count() >= 3, "{rows:?}");
        assert_eq!(of(Who::Server).count(), of(Who::Client).count());
        assert_eq!(of(Who::Services).count(), 0, "there are none");
        let most = of(Who::Server).map(|row| row.threads).max();
        assert_eq!(trial.server_threads_max, most);
        assert!(most >= Some(1));
        assert!(trial.server_open_files_max >= Some(3), "{trial:?}");
        let (first, last) = (
            of(Who::Server).next().unwrap(),
            of(Who::Server).next_back().unwrap(),
        );
        assert_eq!(
            trial.server_context_switches_voluntary,
            Some(last.context_switches_voluntary - first.context_switches_voluntary)
        );
        assert!(trial.client_cpu_ns > Some(0) && trial.client_rss_peak_bytes > Some(0));
        assert!(trial.services_cpu_ns.is_none() && trial.services_rss_peak_bytes.is_none());
    }
}
