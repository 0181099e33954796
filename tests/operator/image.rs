//! The image, as far as it can be tried without a container engine: what the Dockerfile says, and
//! the program alone in an empty root.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use libtest_mimic::{Completion, Trial};
use serde_json::Value;

use crate::control_plane::{ControlPlane, Failure, Said, find, repository};
use crate::laboratory::Laboratory;
use crate::plane;
use crate::tls::Secured;

/// Names a program that was built as the Dockerfile builds it.
const PROGRAM: &str = "IGGYCTL_TEST_STATIC_PROGRAM";

/// The tests of the image.
pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("the_dockerfile_is_what_the_chart_expects", || {
            dockerfile().map_err(|error| error.to_string().into())
        }),
        trial("the_static_program_loads_nothing", loads_nothing),
        trial("the_static_program_runs_in_an_empty_root", runs_alone),
        trial(
            "the_static_program_knows_the_public_authorities",
            knows_authorities,
        ),
        trial(
            "the_static_program_asks_a_file_whom_to_trust_over_quic",
            asks_a_file,
        ),
        trial(
            "the_static_program_is_an_operator_with_no_more_than_the_chart_gives_it",
            |program| runs_the_operator(program, plane()?),
        ),
    ]
}

fn trial(name: &'static str, test: fn(&Path) -> Result<(), Failure>) -> Trial {
    Trial::ignorable_test(name, move || {
        let Some(program) = std::env::var_os(PROGRAM).map(PathBuf::from) else {
            return Ok(Completion::ignored_with(format!("{PROGRAM} is not set")));
        };
        if !may_unshare() {
            return Ok(Completion::ignored_with("no new root can be made here"));
        }
        if let (Err(reason), true) = (find(), name.contains("operator")) {
            return Ok(Completion::ignored_with(reason));
        }
        test(&program).map_err(|error| error.to_string())?;
        Ok(Completion::Completed)
    })
    .with_kind("image")
}

fn may_unshare() -> bool {
    Command::new("unshare")
        .args(["--map-root-user", "--mount", "true"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn dockerfile() -> Result<(), Failure> {
    let text = fs::read_to_string(repository("Dockerfile"))?;
    let stages: Vec<&str> = text.split("\nFROM ").skip(1).collect();
    let [build, last] = stages.as_slice() else {
        return Err(format!("{} stages", stages.len()).into());
    };
    let rust = env!("CARGO_PKG_RUST_VERSION");
    let chart = repository("charts/iggyctl-operator");
    let deployment = fs::read_to_string(chart.join("templates/deployment.yaml"))?;
    let ignored = fs::read_to_string(repository(".dockerignore"))?;
    let tools = fs::read_to_string(repository(".ci/tools"))?;
    let flags = "RUSTFLAGS=\"-C target-feature=+crt-static\"";
    for (what, holds) in [
        (
            "the compiler is the oldest that the program may have",
            build.starts_with(&format!("rust:{rust}-")),
        ),
        ("the program is static", build.contains(flags)),
        ("what CI tries is built alike", tools.contains(flags)),
        ("nothing is in the image", last.starts_with("scratch\n")),
        (
            "the user is that of the chart",
            last.contains("\nUSER 65532:65532\n") && deployment.contains("runAsUser: 65532\n"),
        ),
        (
            "the arguments are those of the program",
            last.contains("\nENTRYPOINT [\"/iggyctl\"]\n") && !deployment.contains("command:"),
        ),
        // The descriptions that the program prints come from its sources.
        (
            "the sources are there",
            ["src", "crates", "schemas"]
                .iter()
                .all(|folder| !ignored.lines().any(|line| line == *folder)),
        ),
    ] {
        if !holds {
            return Err(format!("not so: {what}").into());
        }
    }
    Ok(())
}

/// It names no loader, so there is nobody to load a library.
fn loads_nothing(program: &Path) -> Result<(), Failure> {
    /// The segment with the path of the loader.
    const INTERPRETER: u32 = 3;
    let bytes = fs::read(program)?;
    if bytes.get(..5) != Some(b"\x7fELF\x02") {
        return Err("no program of 64 bits for Linux".into());
    }
    let short = |at: usize| -> Option<usize> {
        Some(usize::from(u16::from_le_bytes(
            bytes.get(at..at + 2)?.try_into().ok()?,
        )))
    };
    let begin = bytes
        .get(0x20..0x28)
        .and_then(|offset| Some(u64::from_le_bytes(offset.try_into().ok()?)))
        .ok_or("no table")?;
    let (size, count) = (
        short(0x36).ok_or("no size")?,
        short(0x38).ok_or("no count")?,
    );
    for number in 0..count {
        let at = usize::try_from(begin)? + number * size;
        let kind = bytes.get(at..at + 4).ok_or("a table that ends early")?;
        if u32::from_le_bytes(kind.try_into()?) == INTERPRETER {
            return Err("it asks for a loader".into());
        }
    }
    Ok(())
}

/// What a container engine puts into every container, and nothing else: three devices, and the
/// files that say where hosts are. Nothing can be written, but to a `/tmp` in memory where the root
/// has one.
const ROOT: &str = r#"
set -e
mount --bind "$1" "$1"
for device in null random urandom; do
    touch "$1/dev/$device"
    mount --bind "/dev/$device" "$1/dev/$device"
done
mount -o remount,bind,ro "$1"
if [ -d "$1/tmp" ]; then
    mount -t tmpfs -o size=16m,mode=1777 none "$1/tmp"
fi
root="$1"
shift
cd /
exec chroot "$root" /iggyctl "$@"
"#;

/// The program in that root; it is the process itself, so that to end the one ends the other.
fn inside(root: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("unshare");
    command
        .args(["--map-root-user", "--mount", "sh", "-c", ROOT, "sh"])
        .arg(root)
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
}

fn run(root: &Path, arguments: &[&str]) -> Result<Output, Failure> {
    Ok(inside(root, arguments).output()?)
}

/// A root with the program and nothing else.
fn empty_root(program: &Path) -> Result<tempfile::TempDir, Failure> {
    let folder = tempfile::tempdir()?;
    let root = folder.path();
    fs::copy(program, root.join("iggyctl"))?;
    for inside in ["dev", "etc"] {
        fs::create_dir(root.join(inside))?;
    }
    fs::write(
        root.join("etc/hosts"),
        "127.0.0.1 localhost\n127.0.0.1 iggy.orders.svc\n",
    )?;
    // Nobody answers there.
    fs::write(
        root.join("etc/resolv.conf"),
        "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n",
    )?;
    Ok(folder)
}

fn runs_alone(program: &Path) -> Result<(), Failure> {
    let folder = empty_root(program)?;
    let root = folder.path();
    let said = Said::of(&run(root, &["--version"])?);
    if !said.stdout.contains(env!("CARGO_PKG_VERSION")) {
        return Err(format!("--version: {}{}", said.stdout, said.stderr).into());
    }
    let said = Said::of(&run(root, &["operator", "crds"])?);
    let definitions = said.stdout.split("---\n").filter_map(|document| {
        let value: Value = serde_saphyr::from_str(document).ok()?;
        (value["kind"] == "CustomResourceDefinition").then_some(())
    });
    if definitions.count() != 9 {
        return Err(format!("operator crds: {}", said.stderr).into());
    }
    // Names of hosts are the one thing that is looked up outside; with them, random numbers.
    for (address, words) in [
        ("iggy://iggy:iggy@iggy.orders.svc:1", "nothing listens"),
        ("iggy://iggy:iggy@nowhere.invalid:1", "cannot be resolved"),
    ] {
        let said = Said::of(&run(root, &["ping", "--server", address])?);
        if !said.stderr.contains(words) {
            return Err(format!("{address}: {}", said.stderr).into());
        }
    }
    Ok(())
}

/// Over TCP and WebSocket, public certificates are checked without a file of the system.
fn knows_authorities(program: &Path) -> Result<(), Failure> {
    let bytes = fs::read(program)?;
    for name in ["ISRG Root X1", "DigiCert Global Root G2"] {
        let name = name.as_bytes();
        if !bytes.windows(name.len()).any(|window| window == name) {
            return Err(format!("{} is not in it", String::from_utf8_lossy(name)).into());
        }
    }
    Ok(())
}

/// Over QUIC the SDK asks the system whom to trust, and here is none; a variable names a file.
fn asks_a_file(program: &Path) -> Result<(), Failure> {
    let secured = Secured::start()?;
    let [_, _, quic] = secured.addresses();
    let folder = empty_root(program)?;
    let root = folder.path();
    fs::write(root.join("etc/authority.pem"), secured.authority())?;
    let address = format!("iggy+quic://iggy:iggy@{quic}?validate_certificate=true");
    let ping = ["ping", "--server", &address];
    let said = Said::of(&run(root, &ping)?);
    if !said
        .stderr
        .contains("cannot be used: invalid configuration")
    {
        return Err(format!("without a file: {}{}", said.stdout, said.stderr).into());
    }
    let mut trusting = inside(root, &ping);
    let output = trusting
        .env("SSL_CERT_FILE", "/etc/authority.pem")
        .output()?;
    match output.status.success() {
        true => Ok(()),
        false => Err(Said::of(&output).stderr.into()),
    }
}

/// With a server that has an authority of its own: its certificates are read as a file, and the
/// chart's `/tmp` is where one can be.
fn runs_the_operator(program: &Path, plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::without_operator(plane)?;
    let secured = Secured::start()?;
    secured.connect(&laboratory)?;
    laboratory.apply(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyStream\nmetadata: { name: orders }\nspec: {}\n---\n\
         apiVersion: iggyctl.dev/v1alpha1\nkind: IggySmokeTest\nmetadata: { name: encrypted }\n\
         spec: { scenarios: [tcp-tls] }\n",
    )?;
    let folder = empty_root(program)?;
    let root = folder.path();
    let kubeconfig = laboratory.kubeconfig_of_operator()?;
    let mut kubeconfig: Value = serde_json::from_str(&kubeconfig)?;
    let authority = &mut kubeconfig["clusters"][0]["cluster"]["certificate-authority"];
    let certificates = fs::read(authority.as_str().ok_or("no authority")?)?;
    *authority = "/etc/kubernetes.crt".into();
    fs::write(root.join("etc/kubernetes.crt"), certificates)?;
    fs::write(root.join("etc/kubeconfig"), kubeconfig.to_string())?;

    let operator = Inside::start(root, &laboratory.namespace)?;
    laboratory
        .wait("igs/default", "without a place for a file", |found| {
            let conditions = found["status"]["conditions"].to_string();
            conditions.contains("the certificates cannot be written to a file")
        })
        .map_err(|error| operator.explain(&error))?;
    drop(operator);
    fs::create_dir(root.join("tmp"))?;
    let operator = Inside::start(root, &laboratory.namespace)?;
    for object in ["igs/default", "igst/orders"] {
        let ready = laboratory.ready(object);
        ready.map_err(|error| operator.explain(&error))?;
    }
    laboratory
        .wait_for("igsmoke/encrypted", "Ready", "True", "SmokeTestPassed")
        .map_err(|error| operator.explain(&error))?;
    Ok(())
}

/// An operator in a root of its own, killed with this value.
struct Inside {
    child: Child,
    log: tempfile::NamedTempFile,
}

impl Inside {
    fn start(root: &Path, namespace: &str) -> Result<Self, Failure> {
        let log = tempfile::NamedTempFile::new()?;
        let child = inside(
            root,
            &[
                "operator",
                "run",
                "--listen=127.0.0.1:0",
                "--namespace",
                namespace,
            ],
        )
        .env("KUBECONFIG", "/etc/kubeconfig")
        .env("RUST_LOG", "info")
        .stdin(Stdio::null())
        .stdout(log.reopen()?)
        .stderr(log.reopen()?)
        .spawn()?;
        Ok(Self { child, log })
    }

    fn explain(&self, error: &Failure) -> String {
        let log = fs::read_to_string(self.log.path()).unwrap_or_default();
        format!("{error}\n{log}")
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
