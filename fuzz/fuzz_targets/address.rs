//! Any text as an address: what is read is written so that it is read the same.

#![no_main]

use iggyctl_core::address::Address;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(address) = text.parse::<Address>() {
        let written = address.to_string();
        assert!(!written.chars().any(char::is_control), "{written:?}");
        assert_eq!(written.parse::<Address>().as_ref(), Ok(&address));
    }
});
