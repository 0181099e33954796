//! A person at a terminal, for what is asked only there.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// A process that reads from a terminal and writes its messages there.
pub(crate) struct AtTerminal {
    process: Child,
    screen: File,
    shown: String,
}

impl AtTerminal {
    pub(crate) fn start(mut command: Command) -> Self {
        let screen = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&screen).unwrap();
        unlockpt(&screen).unwrap();
        let name = ptsname(&screen, Vec::new()).unwrap();
        let end = || {
            let flags = OFlags::RDWR | OFlags::NOCTTY;
            Stdio::from(open(&name, flags, Mode::empty()).unwrap())
        };
        command.stdin(end()).stderr(end()).stdout(Stdio::piped());
        Self {
            process: command.spawn().unwrap(),
            screen: screen.into(),
            shown: String::new(),
        }
    }

    /// Waits for a text.
    pub(crate) fn until(&mut self, text: &str) {
        while !self.shown.contains(text) {
            assert!(self.read(), "`{text}` is not shown: {}", self.shown);
        }
    }

    pub(crate) fn answer(&mut self, line: &str) {
        self.screen
            .write_all(format!("{line}\n").as_bytes())
            .unwrap();
    }

    /// Its exit code, its data, and all that was shown.
    pub(crate) fn ended(mut self) -> (Option<i32>, String, String) {
        while self.read() {}
        let ended = self.process.wait_with_output().unwrap();
        let data = String::from_utf8(ended.stdout).unwrap();
        (ended.status.code(), data, self.shown)
    }

    /// Whether there was more: where the other end is closed, Linux says that as an error.
    fn read(&mut self) -> bool {
        let mut bytes = [0; 4096];
        let count = self.screen.read(&mut bytes).unwrap_or(0);
        self.shown += &String::from_utf8_lossy(&bytes[..count]);
        count > 0
    }
}
