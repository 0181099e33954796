//! Pages of `-o html` in a real headless Chromium: nothing is asked of the network, nothing
//! is complained about, and what can be clicked and typed works, at ten and at ten thousand
//! topics. Where there is no browser the tests are reported as not run.
//!
//! `IGGYCTL_TEST_SCREENSHOTS=FOLDER` keeps what was seen.

#![allow(
    clippy::print_stderr,
    reason = "sizes and times are for who reads the log"
)]

mod chromium;
mod manifests;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use chromium::{Browser, Failure, find};
use libtest_mimic::{Arguments, Completion, Trial};

fn main() -> std::process::ExitCode {
    let arguments = Arguments::from_args();
    let trials = vec![
        trial("a_plan_of_ten_topics", || Box::pin(ten_topics())),
        trial("a_plan_of_ten_thousand_topics", || {
            Box::pin(ten_thousand_topics())
        }),
        trial("a_graph_of_ten_thousand_topics", || {
            Box::pin(a_large_graph())
        }),
        trial("names_that_mean_harm_do_nothing", || {
            Box::pin(hostile_names())
        }),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}

type Running = std::pin::Pin<Box<dyn Future<Output = Result<(), Failure>>>>;

fn trial(name: &'static str, test: fn() -> Running) -> Trial {
    Trial::ignorable_test(name, move || {
        if find().is_none() {
            return Ok(Completion::ignored_with(
                "no Chromium: set IGGYCTL_TEST_BROWSER, or install it",
            ));
        }
        let runtime = tokio::runtime::Runtime::new()?;
        runtime
            .block_on(test())
            .map_err(|error| error.to_string())?;
        Ok(Completion::Completed)
    })
    .with_kind("browser")
}

/// A folder with manifests and the pages made of them.
struct Desk {
    folder: tempfile::TempDir,
    browser: Browser,
}

impl Desk {
    async fn new() -> Result<Self, Failure> {
        let program = find().ok_or("no browser")?;
        Ok(Self {
            folder: tempfile::tempdir()?,
            browser: Browser::start(&program).await?,
        })
    }

    /// What the program writes, as a file; with how long it took.
    fn page(&self, name: &str, arguments: &[&str]) -> Result<PathBuf, Failure> {
        let begin = Instant::now();
        let output = Command::new(env!("CARGO_BIN_EXE_iggyctl"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .output()?;
        if output.status.code() != Some(0) {
            return Err(String::from_utf8_lossy(&output.stderr).into());
        }
        eprintln!(
            "{name}: {} bytes in {} ms",
            output.stdout.len(),
            begin.elapsed().as_millis()
        );
        let path = self.folder.path().join(format!("{name}.html"));
        std::fs::write(&path, &output.stdout)?;
        Ok(path)
    }

    async fn number(&mut self, expression: &str) -> Result<u64, Failure> {
        let value = self.browser.evaluate(expression).await?;
        value
            .as_u64()
            .ok_or_else(|| format!("{expression} is {value}").into())
    }

    async fn expect(&mut self, expression: &str, expected: u64) -> Result<(), Failure> {
        let found = self.number(expression).await?;
        if found != expected {
            return Err(format!("{expression} is {found} and not {expected}").into());
        }
        Ok(())
    }

    /// Types into the filter as a person does, and waits until it is carried out.
    async fn filter(&mut self, text: &str) -> Result<Duration, Failure> {
        self.browser.press("/").await?;
        self.expect("Number(document.activeElement.id === 'filter')", 1)
            .await?;
        let begin = Instant::now();
        for key in text.chars() {
            self.browser.press(&key.to_string()).await?;
        }
        self.browser
            .evaluate(
                "new Promise((done) => { const look = () => document.getElementById('shown').textContent \
                 ? done(true) : setTimeout(look, 5); look(); })",
            )
            .await?;
        self.browser
            .evaluate("new Promise((done) => setTimeout(done, 100))")
            .await?;
        Ok(begin.elapsed())
    }

    fn is_quiet(&self) -> Result<(), Failure> {
        let requests = self.browser.requests();
        if !requests.is_empty() {
            return Err(format!("the page asks for {requests:?}").into());
        }
        let complaints = self.browser.complaints();
        if !complaints.is_empty() {
            return Err(format!("the page complains: {complaints:?}").into());
        }
        Ok(())
    }
}

const SHOWN: &str = "[...document.querySelectorAll('[data-row]')].filter((row) => !row.hidden && row.offsetParent !== null).length";
const OPEN: &str = "document.querySelectorAll('details.section[open]').length";
const SECTIONS: &str = "document.querySelectorAll('details.section').length";

async fn ten_topics() -> Result<(), Failure> {
    let mut desk = Desk::new().await?;
    let (before, after) = manifests::ten_topics();
    std::fs::write(desk.folder.path().join("password"), "s3cret-of-both")?;
    std::fs::write(desk.folder.path().join("before.yaml"), before)?;
    std::fs::write(desk.folder.path().join("after.yaml"), after)?;
    let server = "embedded:data";
    desk.page(
        "applied",
        &["apply", "-f", "before.yaml", "--server", server, "--yes"],
    )?;
    let plan = [
        "plan",
        "-f",
        "after.yaml",
        "--server",
        server,
        "--skip-blocked",
        "-o",
        "html",
    ];
    let page = desk.page("ten", &plan)?;
    desk.browser.open(&page).await?;
    desk.expect(
        "Number(document.documentElement.dataset.ready === 'true')",
        1,
    )
    .await?;
    desk.browser.screenshot("ten-light").await?;
    desk.browser.scheme("dark").await?;
    desk.browser.screenshot("ten-dark").await?;
    let dark = desk
        .browser
        .evaluate("getComputedStyle(document.body).backgroundColor")
        .await?;
    desk.browser.scheme("light").await?;
    let light = desk
        .browser
        .evaluate("getComputedStyle(document.body).backgroundColor")
        .await?;
    if dark == light {
        return Err(format!("dark is {dark}, light is {light}").into());
    }

    // The pictures: one at a time, and both.
    desk.expect("document.querySelectorAll('svg.topology').length", 2)
        .await?;
    desk.expect(
        "[...document.querySelectorAll('figure')].filter((it) => it.offsetParent).length",
        1,
    )
    .await?;
    desk.browser
        .evaluate("document.querySelector('[data-tab=both]').click()")
        .await?;
    desk.expect(
        "[...document.querySelectorAll('figure')].filter((it) => it.offsetParent).length",
        2,
    )
    .await?;
    desk.browser
        .evaluate("document.querySelector('figure').scrollIntoView()")
        .await?;
    desk.browser.screenshot("ten-pictures").await?;
    desk.browser
        .evaluate("document.querySelector('table').scrollIntoView()")
        .await?;
    desk.browser.screenshot("ten-access").await?;
    desk.browser.evaluate("scrollTo(0, 0)").await?;

    let all = desk.number(SHOWN).await?;
    desk.filter("returns").await?;
    let some = desk.number(SHOWN).await?;
    if some == 0 || some >= all {
        return Err(format!("the filter leaves {some} of {all}").into());
    }
    desk.expect("Number(document.getElementById('pictures').hidden)", 1)
        .await?;
    desk.browser.screenshot("ten-filtered").await?;
    desk.browser.press("Escape").await?;
    desk.expect(SHOWN, all).await?;
    let sections = desk.number(SECTIONS).await?;
    desk.browser.press("c").await?;
    desk.expect(OPEN, 0).await?;
    desk.browser.press("e").await?;
    desk.expect(OPEN, sections).await?;
    desk.browser.press("j").await?;
    desk.expect("Number(document.activeElement.tagName === 'SUMMARY')", 1)
        .await?;
    desk.browser
        .evaluate("document.querySelector('input[name=kind][value=plain]').click()")
        .await?;
    let risky = desk.number(SHOWN).await?;
    if risky == 0 || risky >= all {
        return Err(format!("{risky} of {all} rows are risky").into());
    }
    let printed = desk.browser.printed().await?;
    if !printed.starts_with(b"%PDF") {
        return Err("it cannot be printed".into());
    }
    desk.is_quiet()
}

async fn ten_thousand_topics() -> Result<(), Failure> {
    let mut desk = Desk::new().await?;
    write_large(desk.folder.path())?;
    let plan = [
        "plan",
        "-f",
        "large.yaml",
        "--server",
        "embedded",
        "-o",
        "html",
    ];
    let page = desk.page("plan-10000", &plan)?;
    let begin = Instant::now();
    desk.browser.open(&page).await?;
    eprintln!("plan-10000: open after {} ms", begin.elapsed().as_millis());
    desk.expect("document.querySelectorAll('[data-row]').length", 20_101)
        .await?;
    desk.browser.screenshot("large-top").await?;
    desk.browser
        .evaluate("document.querySelector('figure').scrollIntoView()")
        .await?;
    desk.browser.screenshot("large-picture").await?;
    desk.browser.evaluate("scrollTo(0, 0)").await?;
    let took = desk.filter("t-04999").await?;
    eprintln!("plan-10000: filtered after {} ms", took.as_millis());
    desk.expect(SHOWN, 2).await?;
    desk.browser.screenshot("large-filtered").await?;
    desk.browser.press("Escape").await?;
    desk.expect(OPEN, 0).await?;
    let begin = Instant::now();
    desk.browser
        .evaluate("document.getElementById('expand').click()")
        .await?;
    desk.browser.evaluate("document.body.offsetHeight").await?;
    eprintln!(
        "plan-10000: all open after {} ms",
        begin.elapsed().as_millis()
    );
    desk.browser.screenshot("large-open").await?;
    desk.is_quiet()
}

async fn a_large_graph() -> Result<(), Failure> {
    let mut desk = Desk::new().await?;
    write_large(desk.folder.path())?;
    let page = desk.page("graph-10000", &["graph", "-f", "large.yaml", "-o", "html"])?;
    desk.browser.open(&page).await?;
    desk.browser.screenshot("graph-top").await?;
    desk.expect("document.querySelectorAll('svg.topology').length", 1)
        .await?;
    desk.expect("document.querySelectorAll('[data-row]').length", 10_000)
        .await?;
    desk.expect(
        "Number(document.querySelector('svg').textContent.includes('88 more streams'))",
        1,
    )
    .await?;
    desk.filter("t-04999").await?;
    desk.expect(SHOWN, 1).await?;
    desk.is_quiet()
}

fn write_large(folder: &Path) -> Result<(), Failure> {
    Ok(std::fs::write(
        folder.join("large.yaml"),
        manifests::large(),
    )?)
}

/// In the page nothing of a name may be anything but text.
async fn hostile_names() -> Result<(), Failure> {
    let mut desk = Desk::new().await?;
    std::fs::write(
        desk.folder.path().join("hostile.yaml"),
        manifests::hostile()?,
    )?;
    for (name, arguments) in [
        (
            "plan",
            &[
                "plan",
                "-f",
                "hostile.yaml",
                "--server",
                "embedded",
                "-o",
                "html",
            ][..],
        ),
        ("graph", &["graph", "-f", "hostile.yaml", "-o", "html"][..]),
    ] {
        let page = desk.page(name, arguments)?;
        desk.browser.open(&page).await?;
        desk.expect("document.querySelectorAll('script').length", 1)
            .await?;
        desk.expect(
            "document.querySelectorAll('img, iframe, a, object, embed, form, base').length",
            0,
        )
        .await?;
        desk.expect("Number(window.harmed === undefined)", 1)
            .await?;
        desk.expect("[...document.querySelectorAll('*')].flatMap((it) => [...it.attributes]).filter((it) => it.name.startsWith('on')).length", 0).await?;
        desk.browser.screenshot(&format!("hostile-{name}")).await?;
        desk.browser.press("e").await?;
        let text = desk.browser.evaluate("document.body.textContent").await?;
        let text = text.as_str().unwrap_or_default();
        for name in manifests::HOSTILE {
            // In an address a slash and a percent sign are encoded.
            let shown = name.replace('%', "%25").replace('/', "%2F");
            if !text.contains(&shown) {
                return Err(format!("{shown} is not on the page").into());
            }
        }
        desk.is_quiet()?;
    }
    Ok(())
}
