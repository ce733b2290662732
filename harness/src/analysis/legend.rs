//! The legend of the tables.

/// What each column says, and how ranks are given.
pub(crate) const HOW_TO_READ: &str = "- fast path: whether the server answers calls itself (on) or leaves all to the official SDK (off); empty where there is \
         no such choice.\n\
         - calls/s: right answers a second, median of the trials. min..max: least and most of the figure that \
         ranks, over the trials that it is taken from.\n\
         - p50, p99, p99.9: from the merged histograms of the trials, in microseconds. Closed loop: a client that waits \
         asks nothing, so they are latencies at this load and not at a given rate.\n\
         - CPU us/call: processor time (user and system) of the server per right answer, median of the trials.\n\
         - rank: `2=` says that the order of this row and the one above cannot be told: the 95% bootstrap interval of \
         their ratio, by rounds, is not wholly beyond 2%. With fewer than three trials there is no interval, and the mark \
         says that their ranges (min..max) overlap.\n\
         - ratio: how many times worse than the best, in the figure that the table is ranked by.\n\
         - The second table of a suite has the rest; it is in report.md only.\n\
         - calls/s/CPU%: calls a second for each percent of one core that the server used; calls/s/MB: for each \
         1,000,000 bytes of mean resident memory. Medians.\n\
         - JSON-RPC/s, HTTP/s, iterations/s: what else was sent in a second, each counted by itself; tool calls are calls/s. An \
         iteration is a whole session, where sessions end after so many calls. late p99: how long after they were due calls were \
         sent. Medians.\n\
         - RSS peak: the most resident memory since the start of the process, of any trial. start: from the start of the \
         process to its ready line, median; filling an empty database is not part of it.\n\
         - errors: answers that were wrong or did not come, in the window, in the warm-up, and when the sessions were \
         ended; they are in no other figure. A subject with errors, failed or skipped trials, or a server that did not end \
         well is listed but not ranked. Skipped trials were not made: the server had not got ready twice in a row.\n\
         - valid: each figure is taken from the trials in which it holds; the others are set aside and still recorded. \
         `rate 2 of 3, CPU all` says that calls/s and latencies are those of two of three trials, and CPU per call that of \
         all three. `CPU only` means that calls/s and latencies hold in no trial (most often because the load client was \
         the limit) while CPU per call does. If one ranked subject has no trial whose rate holds, the whole table is \
         ranked by CPU per call. `trial 4 far off` flags an outlier (modified z-score over 3.5); it counts all the same.\n\
         - Sweep: all suites of one file, value by value; holds says whether rate and CPU time do. iteration p50: from the opening \
         of a session's connection to the last of its calls, median of the trials; bytes and tokens are those of a whole session. \
         Tokens are empty when the harness was built without its feature `tokens`.\n\
         - floor: fixed bytes without any protocol, what the layers below cost. Never ranked.\n";
