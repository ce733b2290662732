//! The legend of the tables.

/// What each column says, and how ranks are given.
pub(super) const HOW_TO_READ: &str = "- calls/s: right answers a second, median of the trials; min..max is their spread.\n\
         - p50, p99, p99.9: from the merged histograms of all trials, in microseconds. Closed loop: a client that waits \
         asks nothing, so they are latencies at this load and not at a given rate.\n\
         - CPU us/call: processor time (user and system) of the server per right answer, median of the trials.\n\
         - ratio: how many times worse than the best, in the figure that the table is ranked by.\n\
         - calls/s/CPU%: calls a second for each percent of one core that the server used; calls/s/MB: for each \
         1,000,000 bytes of mean resident memory. Medians.\n\
         - RSS peak: the most resident memory since the start of the process, of any trial. start: from the start of the \
         process to its ready line, median; filling an empty database is not part of it.\n\
         - errors: answers that were wrong or did not come; they are in no other figure. A subject with errors or failed \
         trials is listed but not ranked.\n\
         - valid: `CPU only` means that calls/s and latencies do not hold (most often because the load client was the \
         limit) while CPU per call does. If the rate of one ranked subject does not hold, the whole table is ranked by CPU \
         per call.\n\
         - floor: fixed bytes without any protocol, what the layers below cost. Never ranked.\n";
