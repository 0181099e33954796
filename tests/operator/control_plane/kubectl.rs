//! The program `kubectl`, as the administrator.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Failure, Said, text};

pub(super) struct Kubectl {
    program: PathBuf,
    folder: PathBuf,
    /// Whoever let us in may need what is in the environment: a program that gets credentials.
    keeps_environment: bool,
    inputs: AtomicUsize,
}

impl Kubectl {
    pub(super) fn new(program: PathBuf, folder: &Path, keeps_environment: bool) -> Self {
        Self {
            program,
            folder: folder.to_owned(),
            keeps_environment,
            inputs: AtomicUsize::new(0),
        }
    }

    /// How it gets to the API server.
    pub(super) fn kubeconfig(&self) -> PathBuf {
        self.folder.join("kubeconfig")
    }

    pub(super) fn program(&self) -> &Path {
        &self.program
    }

    pub(super) fn run(&self, arguments: &[&str], input: &str) -> Result<Output, Failure> {
        let number = self.inputs.fetch_add(1, Ordering::Relaxed);
        let input_file = self.folder.join(format!("input-{number}"));
        fs::write(&input_file, input)?;
        let mut command = Command::new(&self.program);
        command
            .arg("--kubeconfig")
            .arg(self.kubeconfig())
            .args(arguments);
        if !self.keeps_environment {
            command
                .env_clear()
                .env("HOME", &self.folder)
                // `kubectl diff` compares with the program `diff`.
                .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        }
        let output = command.stdin(fs::File::open(&input_file)?).output()?;
        fs::remove_file(input_file)?;
        Ok(output)
    }

    /// As [`Self::run`], and an error where it fails.
    pub(super) fn succeed(&self, arguments: &[&str], input: &str) -> Result<Said, Failure> {
        let output = self.run(arguments, input)?;
        match output.status.success() {
            true => Ok(Said::of(&output)),
            false => {
                let said = text(&output.stderr);
                Err(format!("kubectl {}: {said}", arguments.join(" ")).into())
            }
        }
    }
}
