//! Where the programs are.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use libtest_mimic::Failed;

/// The folder `examples` of a checkout of the official repository, and what was built of it.
pub(crate) struct Checkout {
    examples: PathBuf,
    binaries: PathBuf,
    python: Option<PathBuf>,
}

impl Checkout {
    /// Names the folder `examples`.
    pub(crate) const VARIABLE: &'static str = "IGGYCTL_OFFICIAL_EXAMPLES";
    /// Names the folder with the built Rust programs, if it is not where `cargo build` puts them.
    const BINARIES: &'static str = "IGGYCTL_OFFICIAL_EXAMPLES_BIN";
    const PYTHON: &'static str = "IGGYCTL_TEST_PYTHON";

    /// # Errors
    /// The folder holds no examples: that is a mistake of who named it.
    pub(crate) fn of(examples: PathBuf) -> Result<Self, Failed> {
        if !examples.join("rust").is_dir() || !examples.join("python").is_dir() {
            return Err(format!(
                "{}={} has no folders rust and python",
                Self::VARIABLE,
                examples.display()
            )
            .into());
        }
        let binaries = std::env::var_os(Self::BINARIES)
            .map_or_else(|| examples.join("../target/debug/examples"), PathBuf::from);
        Ok(Self {
            examples,
            binaries,
            python: std::env::var_os(Self::PYTHON).map(PathBuf::from),
        })
    }

    /// Itself where these programs can be run, or why they cannot. Python programs are named
    /// by their path in the folder `python`, Rust ones by the name that they are built under.
    pub(crate) fn with_all(self, programs: &[&str]) -> Result<Self, String> {
        for program in programs {
            if program.ends_with(".py") {
                self.python_with_modules()?;
                continue;
            }
            let file = self.program(program);
            if !file.is_file() {
                return Err(format!(
                    "{} is not built ({} names another folder)",
                    file.display(),
                    Self::BINARIES
                ));
            }
        }
        Ok(self)
    }

    /// The interpreter with the SDK, and with the package that the examples log with, which the
    /// SDK does not bring.
    fn python_with_modules(&self) -> Result<&Path, String> {
        let Some(python) = &self.python else {
            return Err(format!("{} is not set", Self::PYTHON));
        };
        for module in ["apache_iggy", "loguru"] {
            let found = std::process::Command::new(python)
                .args(["-B", "-s", "-c", &format!("import {module}")])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            if !found.is_ok_and(|status| status.success()) {
                return Err(format!("{} has no module {module}", python.display()));
            }
        }
        Ok(python)
    }

    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.binaries
            .join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
    }

    /// The interpreter, and a script in the Python folder.
    pub(crate) fn script(&self, path: &str) -> Result<(&Path, PathBuf), Failed> {
        let python = self.python.as_deref().ok_or("no Python")?;
        Ok((python, self.examples.join("python").join(path)))
    }
}
