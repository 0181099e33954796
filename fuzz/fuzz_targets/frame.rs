//! Any bytes as what a client sends: the reader says "more", "a frame", "skip it" or "no",
//! never takes bytes that are not there, and always gets on.

#![no_main]

use iggyctl_embedded::{FrameProgress, read_frame};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut rest = bytes;
    loop {
        match read_frame(rest) {
            Ok(FrameProgress::Complete { frame, length }) => {
                assert!(length >= 256 && length <= rest.len());
                assert_eq!(frame.body().len(), length - 256);
                let _ = frame.code();
                // Without its last byte it is the same frame, not yet complete.
                match read_frame(&rest[..length - 1]) {
                    Ok(FrameProgress::Incomplete { missing }) => assert_eq!(missing, 1),
                    other => panic!("a frame without its last byte: {other:?}"),
                }
                rest = &rest[length..];
            }
            Ok(FrameProgress::Ignored { length, .. }) => {
                assert!(length >= 256 && length <= rest.len());
                rest = &rest[length..];
            }
            Ok(FrameProgress::Incomplete { missing }) => {
                assert!(missing > 0);
                break;
            }
            Err(_) => break,
        }
    }
});
