//! The fuzzer starts from these; they are worth nothing when the reader
//! refuses them at the first look.

use iggyctl_embedded::{FrameProgress, read_frame};

#[test]
fn every_seed_is_made_of_whole_frames() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/frame");
    let mut seeds = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            match read_frame(rest) {
                Ok(FrameProgress::Complete { frame, length }) => {
                    // Login is the one request whose kind is in its body.
                    assert_eq!(frame.code().is_none(), path.ends_with("register"));
                    rest = &rest[length..];
                }
                other => panic!("{}: {other:?}", path.display()),
            }
        }
        seeds += 1;
    }
    assert!(seeds >= 4, "{seeds} seeds");
}
