//! The size of a pool as its flag writes it.

use workloads::pool::PoolSize;

#[test]
fn a_size_is_off_or_a_number_and_is_shown_as_it_is_written() {
    for text in ["off", "1", "4", "1024"] {
        assert_eq!(text.parse::<PoolSize>().unwrap().to_string(), text);
    }
    for text in ["", "0", "-1", "1025", "Off", "on", "4 ", "99999999999"] {
        let refused = text.parse::<PoolSize>().unwrap_err().to_string();
        assert!(
            refused.contains("off") && refused.contains("1024"),
            "{text}: {refused}"
        );
    }
}
