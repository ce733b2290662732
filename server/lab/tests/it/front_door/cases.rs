//! The cases. A group is a macro that makes one test of each of its cases, for the subject that is
//! named `SUBJECT` where it is called.

macro_rules! group {
    ($group:ident { $($module:ident { $($case:ident)* })* }) => {
        macro_rules! $group {
            () => {
                $($(
                    #[test]
                    fn $case() {
                        $crate::front_door::cases::$module::$case(&SUBJECT);
                    }
                )*)*
            };
        }
    };
}

// Cases for every program, on every wire: they need one plain tool.
group!(any {
    handshake {
        initialize_agrees_on_every_revision_with_sessions
        initialize_with_an_unknown_revision_offers_a_known_one
        initialize_declares_tools_and_nothing_else
        ping_is_answered
        unknown_methods_are_not_found
        listings_that_are_not_declared_are_not_found
        ids_come_back_as_they_were
    }
    tools {
        schemas_have_no_unsigned_formats
        an_unknown_tool_is_an_invalid_parameter
        a_call_without_a_tool_is_an_invalid_parameter
        arguments_that_are_missing_or_wrong_are_refused_in_band
    }
    life {
        only_the_ready_line_is_said_before_serving
        an_idle_server_ends_on_sigterm
        an_idle_server_ends_on_sigint
        an_idle_server_ends_on_sighup
        workers_is_the_number_of_worker_threads
    }
    fast_path {
        every_tool_takes_the_fast_path_and_the_counters_tell_it
    }
    batches {
        a_batch_is_answered_message_by_message
    }
    load {
        fifty_callers_at_once_get_their_own_answers
    }
    limits {
        what_is_no_json_is_refused_and_the_server_lives_on
        what_is_too_large_is_refused_and_the_server_lives_on
        what_is_just_small_enough_is_taken
        json_that_is_too_deep_or_has_too_many_values_is_refused
        deep_json_ends_no_server
    }
    json {
        json_of_every_kind_is_rejected_as_a_message
        json_of_every_kind_is_answered_or_rejected_in_a_call
    }
});

// The same, with the tools of the lab.
group!(any_lab {
    handshake {
        rmcps_client_lists_and_calls_every_tool
    }
    tools {
        tools_list_has_every_tool
        echo_returns_any_text
        echo_refuses_what_is_no_message
        calculate_fibonacci_computes
        calculate_fibonacci_refuses_in_band
        query_products_finds_and_counts
        query_products_refuses_in_band
        fetch_external_data_fetches
        fetch_external_data_passes_on_the_upstreams_errors
        fetch_external_data_fetches_from_nowhere_else
        fetch_external_data_says_that_the_upstream_is_down
        fetch_external_data_says_that_there_is_no_upstream
        arguments_that_do_not_fit_are_refused_in_band
    }
    plain {
        process_json_data_returns_capitals
        simulate_database_query_waits
        megabytes_are_worked_through
        query_products_answers_in_other_words
    }
    shop {
        the_shop_keeps_its_contract
        a_checkout_without_its_total_says_so_in_time
    }
    progress {
        a_report_tells_its_rows_before_its_result
        a_report_is_told_while_it_is_made
        without_a_token_nothing_is_told
    }
    life {
        sigterm_answers_what_is_in_flight
        sigint_answers_what_is_in_flight
        sighup_answers_what_is_in_flight
        a_drain_timeout_that_is_too_short_is_kept_and_said
        a_second_signal_ends_the_process_on_the_spot
        a_call_over_the_time_limit_is_answered_in_band
    }
    metrics {
        calls_errors_and_pools_are_counted
        a_call_that_takes_too_long_is_a_failure
    }
    tuning {
        tools_that_are_left_out_are_not_there
        a_time_limit_holds_for_its_tool_alone
        what_is_cached_is_asked_for_once
    }
});

#[cfg(feature = "experiments")]
group!(experiments {
    experiments {
        experiments_answer_and_take_the_fast_path
        a_long_result_comes_whole_or_in_pieces
        extra_tools_say_back_their_arguments
    }
});

#[cfg(not(feature = "experiments"))]
group!(experiments {});

// Every program that listens, whatever it speaks over its connections.
group!(http {
    http {
        healthz_says_ok
        unknown_paths_are_not_found
        a_foreign_host_is_forbidden
        a_missing_host_is_refused
        a_foreign_origin_is_forbidden
        our_own_origins_are_served
        allowed_hosts_and_origins_replace_the_defaults
        a_body_without_a_length_is_limited_too
        a_request_may_come_byte_by_byte
        a_client_may_ask_before_it_sends_the_body
        idle_connections_do_not_hold_up_the_end
        a_port_in_use_ends_it_with_a_clear_message
    }
    metrics {
        metrics_are_served_where_they_are_asked_for
    }
    attacks {
        two_hosts_or_origins_are_malformed
        a_host_that_is_no_host_is_malformed
        a_target_of_another_host_is_forbidden
        an_origin_that_is_no_origin_is_forbidden
        a_body_that_is_announced_too_large_is_not_asked_for
        a_client_that_finishes_sending_is_answered
        half_a_body_does_not_delay_the_end
        connections_over_the_limit_make_room_when_idle
        a_connection_that_never_sends_is_closed
        silent_connections_do_not_use_up_the_open_files
        a_head_or_a_body_that_stalls_is_closed
        a_head_over_the_limits_is_refused
        a_request_whose_end_is_unclear_hides_no_other
        an_idle_connection_is_closed
        event_streams_are_neither_stored_nor_buffered
    }
    access {
        a_request_without_a_token_is_unauthorized
        a_client_with_a_token_is_served
        a_token_file_that_is_wrong_ends_it_with_a_clear_message
        it_listens_to_this_machine_unless_told_otherwise
        requests_over_the_rate_are_told_to_wait
        each_token_has_a_rate_of_its_own
    }
});

// The same with a certificate.
#[cfg(feature = "tls")]
group!(tls {
    tls {
        a_client_that_trusts_the_certificate_is_served
        a_client_that_does_not_trust_it_is_not
        only_http_1_1_is_agreed_on
        what_is_no_tls_is_refused_and_the_server_lives_on
        a_handshake_that_stalls_is_closed
        idle_connections_with_tls_do_not_hold_up_the_end
        a_certificate_that_cannot_be_used_ends_it_with_a_clear_message
    }
});

#[cfg(feature = "tls")]
group!(tls_lab {
    tls {
        a_large_answer_comes_whole_over_tls
        an_answer_that_is_not_read_over_tls_ends_its_connection
    }
});

#[cfg(not(feature = "tls"))]
group!(tls {});
#[cfg(not(feature = "tls"))]
group!(tls_lab {});

group!(http_lab {
    http {
        clients_that_leave_in_the_middle_of_a_call_leave_nothing_behind
        new_connections_are_refused_while_calls_are_answered
    }
    tuning {
        calls_beyond_the_upstream_limit_wait_their_turn
    }
    attacks {
        a_client_that_finishes_sending_is_answered_late_too
        unread_answers_do_not_delay_the_end
        unread_answers_end_their_connection
        a_call_in_flight_keeps_its_connection
    }
    access {
        a_token_reaches_neither_the_log_nor_the_upstream
    }
    overload {
        large_messages_wait_for_memory_and_small_ones_do_not
    }
});

// One stream with many requests in flight on it.
group!(lasting {
    lasting {
        a_fast_answer_overtakes_a_slow_one
        an_id_that_is_in_flight_is_refused_at_once
        an_id_may_be_used_again_after_its_answer
        what_comes_before_the_first_request_is_survived
        json_that_is_no_message_is_refused_with_its_id
    }
    cancellation {
        a_cancelled_call_lets_go_of_what_it_waits_for_and_the_end_does_not_wait_for_it
    }
    shop {
        a_cancelled_checkout_is_recorded_all_the_same
    }
    overload {
        large_payloads_in_one_stream_take_little_memory
        a_large_message_is_counted_until_it_is_answered
    }
});

group!(stdio {
    stdio {
        the_end_of_input_ends_the_server
        the_end_of_input_waits_for_what_is_in_flight
        a_last_line_without_a_break_is_answered
        standard_output_carries_nothing_but_messages
        a_client_that_reads_late_gets_every_answer
        answers_that_are_not_read_take_little_memory
        large_messages_of_calls_that_wait_take_little_memory
        a_reader_that_leaves_ends_the_server
        pipes_stay_blocking_for_those_who_share_them
        files_will_do_for_pipes
    }
});

group!(sse {
    sse {
        a_post_without_a_session_is_refused
        closing_the_stream_ends_its_session
        other_methods_are_not_allowed
        sessions_do_not_hear_each_other
    }
    access {
        a_session_is_of_the_token_that_opened_it
        sessions_over_the_limit_are_told_to_wait
        session_ids_cannot_be_guessed
    }
    metrics {
        a_session_over_the_limit_is_a_shed
    }
});

group!(streamable {
    streamable {
        an_accept_that_lacks_a_type_is_not_acceptable
        another_content_type_is_unsupported
        other_methods_are_not_allowed
        pipelined_requests_are_answered_in_order
        an_unknown_revision_in_the_header_is_refused
    }
    limits {
        an_empty_body_is_a_parse_error
    }
    attacks {
        a_header_that_comes_twice_is_malformed
    }
});

group!(streamable_lab {
    conformance {
        the_official_suite_finds_nothing_wrong
    }
    attacks {
        busy_connections_at_the_limit_are_not_exceeded
    }
    progress {
        a_client_of_2026_07_28_is_told_too
    }
    cancellation {
        a_client_of_2026_07_28_that_leaves_cancels_its_call
        an_earlier_client_that_leaves_does_not
    }
});

group!(stateless {
    streamable {
        without_sessions_a_call_needs_no_handshake
        without_sessions_there_is_no_stream_to_get
    }
    access {
        a_batch_is_as_many_requests_as_it_has_messages
    }
});

group!(stateful {
    sessions {
        a_session_lives_until_it_is_deleted
        a_message_without_a_session_is_refused
        a_message_in_an_unknown_session_is_not_found
        a_session_without_traffic_expires
        traffic_keeps_a_session_alive
    }
    access {
        a_session_is_of_the_token_that_opened_it
        sessions_over_the_limit_are_told_to_wait
        session_ids_cannot_be_guessed
    }
    metrics {
        a_session_over_the_limit_is_a_shed
    }
});

group!(stateful_lab {
    sessions {
        standing_streams_end_after_the_last_answer
        an_id_in_flight_in_a_session_is_refused_at_once
    }
    cancellation {
        a_call_cancelled_in_its_session_lets_go_of_what_it_waits_for
        the_end_of_a_session_ends_its_calls
    }
});

// Sessions in a store, which the lab's tools bring.
#[cfg(feature = "redis")]
group!(shared_lab {
    shared_sessions {
        a_session_goes_on_with_another_instance
        sessions_that_all_come_at_once_go_on_with_a_new_instance
        a_session_ends_for_all_instances
        a_session_lives_in_the_store_for_as_long_as_it_has_traffic
        a_session_is_found_with_its_own_token_alone
        without_the_store_what_needs_it_is_unavailable
    }
});

#[cfg(not(feature = "redis"))]
group!(shared_lab {});

// The same text on every runtime.
pub(crate) mod access;
pub(crate) mod attacks;
pub(crate) mod batches;
pub(crate) mod cancellation;
#[cfg(feature = "tokio")]
mod command_line;
pub(crate) mod conformance;
mod database;
#[cfg(feature = "experiments")]
pub(crate) mod experiments;
pub(crate) mod fast_path;
pub(crate) mod handshake;
pub(crate) mod http;
pub(crate) mod json;
pub(crate) mod lasting;
pub(crate) mod life;
pub(crate) mod limits;
pub(crate) mod load;
pub(crate) mod metrics;
pub(crate) mod overload;
pub(crate) mod plain;
pub(crate) mod progress;
pub(crate) mod sessions;
#[cfg(feature = "redis")]
pub(crate) mod shared_sessions;
pub(crate) mod shop;
pub(crate) mod sse;
pub(crate) mod stdio;
pub(crate) mod streamable;
#[cfg(feature = "tls")]
pub(crate) mod tls;
pub(crate) mod tools;
pub(crate) mod tuning;
