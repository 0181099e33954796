use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use iggyctl_core::access::TokenSlot;
use iggyctl_core::address::Address;
use iggyctl_core::diagnostic::Origin;
use iggyctl_core::secret::{Secret, SecretKey, TokenSink};
use iggyctl_core::state::desired_token::TokenDestination;
use iggyctl_core::state::observed_token::{DeliveredToken, SinkContent, TokenCheck, TokenRecord};
use tempfile::TempDir;

use super::disk::{Call, Disk};
use super::{Beginning, Delivery, FileSinks, NewFile, SinkError, TokenOwner, TokenSinks};

const OWNER: TokenOwner<'static> = TokenOwner {
    created_at_micros: 7,
    server: Some("iggy://a:8090"),
};

use TokenSlot::{First, Second};

/// A folder with a manifest, and the file `tokens/ci` beside it.
fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn destination(folder: &Path, sink: TokenSink) -> TokenDestination {
    TokenDestination {
        sink,
        origin: Origin {
            file: folder.join("users.yaml").to_str().unwrap().into(),
            line: 7,
            column: 9,
        },
    }
}

fn ci(folder: &Path) -> TokenDestination {
    destination(folder, TokenSink::File("tokens/ci".to_owned()))
}

fn token() -> Address {
    "token/svc-orders/ci".parse().unwrap()
}

async fn begin(
    sinks: &FileSinks,
    destination: &TokenDestination,
    slot: TokenSlot,
    revokes: Option<TokenSlot>,
) -> Result<(), SinkError> {
    let token = token();
    let beginning = Beginning {
        token: &token,
        owner: OWNER,
        takes_over: false,
        slot,
        revokes,
    };
    sinks.begin(destination, &beginning).await
}

async fn deliver(
    sinks: &FileSinks,
    destination: &TokenDestination,
    slot: TokenSlot,
    revokes: Option<TokenSlot>,
    value: &str,
) -> Result<(), SinkError> {
    let token = token();
    let delivery = Delivery {
        token: &token,
        owner: OWNER,
        slot,
        expiry: "90d".parse().unwrap(),
        revokes,
        value: &Secret::new(value),
    };
    sinks.deliver(destination, &delivery).await
}

/// The first token, delivered as `hunter-first`.
async fn with_first(folder: &Path) {
    let (sinks, ci) = (FileSinks::new(None), ci(folder));
    begin(&sinks, &ci, First, None).await.unwrap();
    deliver(&sinks, &ci, First, None, "hunter-first")
        .await
        .unwrap();
}

fn record(
    delivered: Option<TokenSlot>,
    pending: Option<TokenSlot>,
    revokes: Option<TokenSlot>,
    has_value: bool,
) -> SinkContent {
    SinkContent::Record(TokenRecord {
        token: token(),
        owner_created_at_micros: 7,
        server: Some("iggy://a:8090".to_owned()),
        is_open_to_others: false,
        delivered: delivered.map(|slot| DeliveredToken {
            slot,
            expiry: "90d".parse().unwrap(),
        }),
        pending,
        revokes,
        has_value,
        check: TokenCheck::NotChecked,
    })
}

/// The paths of all files, relative and in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let inside = files(&path);
            found.extend(inside.iter().map(|inner| {
                let name = path.file_name().unwrap();
                Path::new(name).join(inner)
            }));
        } else {
            found.push(path.file_name().unwrap().into());
        }
    }
    found.sort();
    found
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let copied = to.join(path.file_name().unwrap());
        if path.is_dir() {
            std::fs::create_dir(&copied).unwrap();
            copy(&path, &copied);
        } else {
            std::fs::copy(&path, &copied).unwrap();
        }
    }
}

fn two_files() -> Vec<PathBuf> {
    vec!["tokens/ci".into(), "tokens/ci.iggyctl.json".into()]
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[tokio::test]
async fn a_token_is_begun_delivered_replaced_and_its_predecessor_revoked() {
    let folder = folder();
    let (sinks, ci) = (FileSinks::new(None), ci(folder.path()));
    assert_eq!(sinks.read(&ci).await, SinkContent::Empty);
    assert_eq!(sinks.value(&ci).await, Ok(None));
    assert!(files(folder.path()).is_empty(), "reading writes nothing");

    begin(&sinks, &ci, First, None).await.unwrap();
    assert_eq!(
        sinks.read(&ci).await,
        record(None, Some(First), None, false)
    );
    assert_eq!(sinks.value(&ci).await, Ok(None));

    deliver(&sinks, &ci, First, None, "hunter-first")
        .await
        .unwrap();
    assert_eq!(sinks.read(&ci).await, record(Some(First), None, None, true));
    assert_eq!(
        sinks.value(&ci).await,
        Ok(Some(Secret::new("hunter-first")))
    );
    assert_eq!(text(&folder.path().join("tokens/ci")), "hunter-first");

    begin(&sinks, &ci, Second, Some(First)).await.unwrap();
    assert_eq!(
        sinks.read(&ci).await,
        record(Some(First), Some(Second), Some(First), true)
    );
    assert_eq!(
        sinks.value(&ci).await,
        Ok(Some(Secret::new("hunter-first")))
    );

    deliver(&sinks, &ci, Second, Some(First), "hunter-second")
        .await
        .unwrap();
    assert_eq!(
        sinks.read(&ci).await,
        record(Some(Second), None, Some(First), true)
    );
    assert_eq!(
        sinks.value(&ci).await,
        Ok(Some(Secret::new("hunter-second")))
    );

    sinks.finish(&ci).await.unwrap();
    sinks.finish(&ci).await.unwrap();
    assert_eq!(
        sinks.read(&ci).await,
        record(Some(Second), None, None, true)
    );
    assert_eq!(files(folder.path()), two_files());
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_and_a_wider_mode_is_made_narrow_again() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = folder();
    with_first(folder.path()).await;
    let value = folder.path().join("tokens/ci");
    let note = folder.path().join("tokens/ci.iggyctl.json");
    assert_eq!(mode(&folder.path().join("tokens")), 0o700);
    assert_eq!((mode(&value), mode(&note)), (0o600, 0o600));

    std::fs::set_permissions(&value, std::fs::Permissions::from_mode(0o644)).unwrap();
    let (sinks, ci) = (FileSinks::new(None), ci(folder.path()));
    begin(&sinks, &ci, Second, None).await.unwrap();
    deliver(&sinks, &ci, Second, None, "hunter-second")
        .await
        .unwrap();
    assert_eq!((mode(&value), mode(&note)), (0o600, 0o600));
}

#[cfg(unix)]
#[tokio::test]
async fn no_temporary_file_is_ever_readable_by_others() {
    let folder = folder();
    let path = folder.path().to_owned();
    let modes = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&modes);
    let disk = Disk::watched(Box::new(move |_| {
        for file in files(&path) {
            seen.lock().unwrap().push(mode(&path.join(file)));
        }
        Ok(())
    }));
    let (sinks, ci) = (FileSinks::on(disk, None), ci(folder.path()));
    begin(&sinks, &ci, First, None).await.unwrap();
    deliver(&sinks, &ci, First, None, "hunter-first")
        .await
        .unwrap();
    let modes = modes.lock().unwrap();
    assert!(modes.len() > 5, "{modes:?}");
    assert!(modes.iter().all(|mode| *mode == 0o600), "{modes:?}");
}

#[tokio::test]
async fn a_key_of_a_secret_is_a_file_below_the_named_folder_or_nowhere() {
    let folder = folder();
    let key = |name: &str| {
        let key = SecretKey {
            name: name.to_owned(),
            key: "ci".to_owned(),
        };
        destination(folder.path(), TokenSink::SecretKeyRef(key))
    };
    let sinks = FileSinks::new(Some(folder.path().join("secrets")));
    let tokens = key("tokens");
    begin(&sinks, &tokens, First, None).await.unwrap();
    deliver(&sinks, &tokens, First, None, "hunter-first")
        .await
        .unwrap();
    assert_eq!(
        text(&folder.path().join("secrets/tokens/ci")),
        "hunter-first"
    );

    let outside = begin(&sinks, &key(".."), First, None).await.unwrap_err();
    assert_eq!(
        outside.to_string(),
        "`..` cannot be the name of a Kubernetes Secret, or of a key of one"
    );

    let nowhere = FileSinks::new(None);
    let reason = "a Kubernetes Secret is written by the operator, or on the command line below \
                  the folder that --secrets-dir names";
    assert_eq!(
        nowhere.read(&tokens).await,
        SinkContent::Unreadable {
            reason: reason.to_owned()
        }
    );
    for error in [
        begin(&nowhere, &tokens, First, None).await.unwrap_err(),
        deliver(&nowhere, &tokens, First, None, "hunter2")
            .await
            .unwrap_err(),
        nowhere.finish(&tokens).await.unwrap_err(),
        nowhere.value(&tokens).await.unwrap_err(),
    ] {
        assert_eq!(error, SinkError::Unavailable(reason.to_owned()));
    }
}

#[tokio::test]
async fn what_iggyctl_did_not_write_is_never_overwritten() {
    let folder = folder();
    let (sinks, ci) = (FileSinks::new(None), ci(folder.path()));
    let path = folder.path().join("tokens/ci");
    std::fs::create_dir(folder.path().join("tokens")).unwrap();
    std::fs::write(&path, "precious").unwrap();
    assert_eq!(sinks.read(&ci).await, SinkContent::Foreign);
    assert_eq!(sinks.value(&ci).await, Ok(None));
    for result in [
        begin(&sinks, &ci, First, None).await,
        deliver(&sinks, &ci, First, None, "hunter2").await,
    ] {
        let error = result.unwrap_err();
        assert!(matches!(error, SinkError::Foreign { .. }), "{error}");
        assert!(error.to_string().contains("tokens/ci"), "{error}");
    }
    assert_eq!(text(&path), "precious");
    assert_eq!(files(folder.path()), [Path::new("tokens/ci")]);
}

#[tokio::test]
async fn what_appears_after_begin_is_not_overwritten_either() {
    // There was none, and there is one.
    let new = folder();
    let (sinks, to) = (FileSinks::new(None), ci(new.path()));
    begin(&sinks, &to, First, None).await.unwrap();
    std::fs::write(new.path().join("tokens/ci"), "precious").unwrap();
    // There was one, and there is another.
    let old = folder();
    with_first(old.path()).await;
    let again = ci(old.path());
    begin(&sinks, &again, Second, None).await.unwrap();
    std::fs::write(old.path().join("tokens/ci"), "precious").unwrap();

    for (folder, to, slot) in [(&new, &to, First), (&old, &again, Second)] {
        let error = deliver(&sinks, to, slot, None, "hunter2")
            .await
            .unwrap_err();
        assert!(matches!(error, SinkError::Foreign { .. }), "{error}");
        assert_eq!(text(&folder.path().join("tokens/ci")), "precious");
        let SinkContent::Record(record) = sinks.read(to).await else {
            panic!("no record");
        };
        assert_eq!(record.pending, Some(slot));
        assert_eq!(files(folder.path()), two_files());
    }
}

#[tokio::test]
async fn what_appears_in_the_last_moment_is_not_overwritten() {
    let folder = folder();
    let path = folder.path().join("tokens/ci");
    let appearing = path.clone();
    let renames = AtomicUsize::new(0);
    let disk = Disk::watched(Box::new(move |call| {
        // The first one is that of the note.
        if call == Call::Rename && renames.fetch_add(1, Ordering::Relaxed) == 1 {
            std::fs::write(&appearing, "precious")?;
        }
        Ok(())
    }));
    let (sinks, ci) = (FileSinks::on(disk, None), ci(folder.path()));
    begin(&sinks, &ci, First, None).await.unwrap();
    let error = deliver(&sinks, &ci, First, None, "hunter2")
        .await
        .unwrap_err();
    assert!(matches!(error, SinkError::Foreign { .. }), "{error}");
    assert_eq!(text(&path), "precious");
    assert_eq!(files(folder.path()), two_files());
}

/// What a path holds that no token is written to, and the reason.
#[tokio::test]
async fn what_is_no_file_or_has_no_record_of_this_token_is_refused() {
    type Prepare = fn(&Path);
    let cases: [(Prepare, &str); 6] = [
        (
            |tokens| std::fs::create_dir(tokens.join("ci")).unwrap(),
            "tokens/ci: it is a folder",
        ),
        (
            |tokens| std::fs::create_dir(tokens.join("ci.iggyctl.json")).unwrap(),
            "tokens/ci.iggyctl.json: it is a folder",
        ),
        (
            |tokens| std::fs::write(tokens.join("ci.iggyctl.json"), "hunter2").unwrap(),
            "tokens/ci.iggyctl.json: it is no record of iggyctl (line 1, column 1)",
        ),
        (
            |tokens| {
                let note = r#"{ "version": 2 }"#;
                std::fs::write(tokens.join("ci.iggyctl.json"), note).unwrap();
            },
            "a newer iggyctl wrote it (version 2, and this one knows 1)",
        ),
        (
            |tokens| {
                let note = "hunter2 ".repeat(10_000);
                std::fs::write(tokens.join("ci.iggyctl.json"), note).unwrap();
            },
            "it has more than 64 KiB, so iggyctl did not write it",
        ),
        (
            |tokens| {
                std::fs::remove_dir(tokens).unwrap();
                std::fs::write(tokens, "a file").unwrap();
            },
            "Not a directory",
        ),
    ];
    for (prepare, reason) in cases {
        let folder = folder();
        let (sinks, ci) = (FileSinks::new(None), ci(folder.path()));
        std::fs::create_dir(folder.path().join("tokens")).unwrap();
        prepare(&folder.path().join("tokens"));
        let before = files(folder.path());
        let SinkContent::Unreadable { reason: read } = sinks.read(&ci).await else {
            panic!("readable: {reason}");
        };
        let begun = begin(&sinks, &ci, First, None).await.unwrap_err();
        let delivered = deliver(&sinks, &ci, First, None, "hunter2")
            .await
            .unwrap_err();
        for error in [read, begun.to_string(), delivered.to_string()] {
            assert!(error.contains(reason), "{error}");
            assert!(!error.contains("hunter"), "{error}");
        }
        assert_eq!(files(folder.path()), before);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn links_are_not_followed() {
    for name in ["ci", "ci.iggyctl.json"] {
        let folder = folder();
        let (sinks, ci) = (FileSinks::new(None), ci(folder.path()));
        let elsewhere = folder.path().join("elsewhere");
        std::fs::write(&elsewhere, "precious").unwrap();
        std::fs::create_dir(folder.path().join("tokens")).unwrap();
        let link = folder.path().join("tokens").join(name);
        std::os::unix::fs::symlink(&elsewhere, &link).unwrap();
        let SinkContent::Unreadable { reason } = sinks.read(&ci).await else {
            panic!("readable");
        };
        assert!(reason.contains("it is a symbolic link"), "{reason}");
        assert!(begin(&sinks, &ci, First, None).await.is_err());
        assert_eq!(text(&elsewhere), "precious");
        assert!(link.is_symlink());
    }
}

#[tokio::test]
async fn the_file_of_another_token_is_not_taken_over() {
    let folder = folder();
    with_first(folder.path()).await;
    let (sinks, ci) = (FileSinks::new(None), ci(folder.path()));
    let other: Address = "token/svc-orders/deploy".parse().unwrap();
    let beginning = Beginning {
        token: &other,
        owner: OWNER,
        takes_over: false,
        slot: First,
        revokes: None,
    };
    let error = sinks.begin(&ci, &beginning).await.unwrap_err().to_string();
    assert!(
        error.ends_with(
            "tokens/ci: it has the value of token/svc-orders/ci, not of token/svc-orders/deploy"
        ),
        "{error}"
    );
    assert_eq!(sinks.read(&ci).await, record(Some(First), None, None, true));
}

#[tokio::test]
async fn the_file_is_of_a_user_whatever_it_is_called() {
    let folder = folder();
    with_first(folder.path()).await;
    let (sinks, ci) = (FileSinks::new(None), ci(folder.path()));
    let renamed: Address = "token/svc-billing/ci".parse().unwrap();
    let beginning = Beginning {
        token: &renamed,
        owner: OWNER,
        takes_over: false,
        slot: Second,
        revokes: None,
    };
    let another = TokenOwner {
        created_at_micros: 8,
        ..OWNER
    };
    let of_another = Beginning {
        owner: another,
        ..beginning
    };
    let error = sinks.begin(&ci, &of_another).await.unwrap_err().to_string();
    assert!(error.contains("it has the value of"), "{error}");
    sinks.begin(&ci, &beginning).await.unwrap();
    let noted = noted(&sinks.read(&ci).await);
    assert_eq!(noted.token, renamed);
    assert_eq!(noted.pending, Some(Second));
    assert!(noted.delivered.is_some());
    // That of a user who is no more is nobody's.
    let takes_over = Beginning {
        takes_over: true,
        ..of_another
    };
    sinks.begin(&ci, &takes_over).await.unwrap();
    let noted = self::noted(&sinks.read(&ci).await);
    assert_eq!((noted.owner_created_at_micros, noted.delivered), (8, None));
}

fn noted(content: &SinkContent) -> TokenRecord {
    match content {
        SinkContent::Record(record) => record.clone(),
        other => panic!("{other:?}"),
    }
}

#[cfg(unix)]
#[tokio::test]
async fn who_else_can_read_a_value_is_noticed() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = folder();
    with_first(folder.path()).await;
    let (sinks, ci) = (FileSinks::new(None), ci(folder.path()));
    assert!(!noted(&sinks.read(&ci).await).is_open_to_others);
    let path = folder.path().join("tokens/ci");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(noted(&sinks.read(&ci).await).is_open_to_others);
}

#[tokio::test]
async fn two_at_work_on_one_token_do_not_both_deliver() {
    let folder = folder();
    with_first(folder.path()).await;
    let ci = ci(folder.path());
    let (one, other) = (FileSinks::new(None), FileSinks::new(None));
    begin(&one, &ci, Second, None).await.unwrap();
    begin(&other, &ci, First, None).await.unwrap();
    let error = deliver(&one, &ci, Second, None, "hunter2")
        .await
        .unwrap_err();
    assert!(error.to_string().contains("another iggyctl"), "{error}");
    deliver(&other, &ci, First, None, "hunter-again")
        .await
        .unwrap();
    assert_eq!(other.read(&ci).await, record(Some(First), None, None, true));
}

#[tokio::test]
async fn paths_that_name_no_file_are_refused() {
    let folder = folder();
    let sinks = FileSinks::new(None);
    for (path, reason) in [
        ("..", "it does not end in the name of a file"),
        ("/", "it does not end in the name of a file"),
        (
            "ci.iggyctl.json",
            "this is how the records of iggyctl are named",
        ),
    ] {
        let to = destination(folder.path(), TokenSink::File(path.to_owned()));
        let error = begin(&sinks, &to, First, None).await.unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }
    assert!(files(folder.path()).is_empty());
}

#[tokio::test]
async fn a_value_that_was_emptied_or_opened_in_an_editor_is_read_as_it_is() {
    let folder = folder();
    with_first(folder.path()).await;
    let (sinks, ci) = (FileSinks::new(None), ci(folder.path()));
    let path = folder.path().join("tokens/ci");
    std::fs::write(&path, "hunter-first\n").unwrap();
    assert_eq!(
        sinks.value(&ci).await,
        Ok(Some(Secret::new("hunter-first")))
    );
    std::fs::write(&path, b"hunter2\xff").unwrap();
    let error = sinks.value(&ci).await.unwrap_err();
    assert!(error.to_string().contains("it is not UTF-8"), "{error}");
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    std::fs::write(&path, "").unwrap();
    assert_eq!(sinks.value(&ci).await, Ok(None));
    assert_eq!(
        sinks.read(&ci).await,
        record(Some(First), None, None, false)
    );
    std::fs::remove_file(&path).unwrap();
    assert_eq!(
        sinks.read(&ci).await,
        record(Some(First), None, None, false)
    );
}

/// The folder as it was before each call of the system, and how many of them
/// were made before the end of `begin`.
async fn killed_at_each_call(folder: &Path) -> (Vec<TempDir>, usize) {
    let copies = Arc::new(Mutex::new(Vec::new()));
    let (seen, from) = (Arc::clone(&copies), folder.to_owned());
    let disk = Disk::watched(Box::new(move |_| {
        let to = tempfile::tempdir()?;
        copy(&from, to.path());
        seen.lock().unwrap().push(to);
        Ok(())
    }));
    let (sinks, ci) = (FileSinks::on(disk, None), ci(folder));
    begin(&sinks, &ci, Second, Some(First)).await.unwrap();
    let begun = copies.lock().unwrap().len();
    deliver(&sinks, &ci, Second, Some(First), "hunter-second")
        .await
        .unwrap();
    let copies = std::mem::take(&mut *copies.lock().unwrap());
    (copies, begun)
}

#[tokio::test]
async fn whenever_it_is_killed_the_next_run_knows_and_delivers() {
    for first in [false, true] {
        let folder = folder();
        if first {
            with_first(folder.path()).await;
        }
        let before = FileSinks::new(None).read(&ci(folder.path())).await;
        let (copies, begun) = killed_at_each_call(folder.path()).await;
        let mut pending = 0;
        assert!(begun >= 5 && copies.len() >= begun + 9, "{begun}");
        for (call, copied) in copies.iter().enumerate() {
            let (sinks, ci) = (FileSinks::new(None), ci(copied.path()));
            let content = sinks.read(&ci).await;
            let value = sinks.value(&ci).await.unwrap();
            let value = value.as_ref().map(Secret::expose);
            let delivered = first.then_some(First);
            if content == record(Some(Second), None, Some(First), true) {
                assert!(call > begun, "{call}");
                assert_eq!(value, Some("hunter-second"), "{call}");
            } else if content == record(delivered, Some(Second), Some(First), value.is_some()) {
                pending += 1;
            } else {
                assert!(call < begun, "{call}: {content:?}");
                assert_eq!(content, before, "{call}");
                assert_eq!(value, first.then_some("hunter-first"), "{call}");
            }

            begin(&sinks, &ci, Second, Some(First)).await.unwrap();
            deliver(&sinks, &ci, Second, Some(First), "hunter-third")
                .await
                .unwrap();
            assert_eq!(
                sinks.read(&ci).await,
                record(Some(Second), None, Some(First), true)
            );
            assert_eq!(text(&copied.path().join("tokens/ci")), "hunter-third");
            assert_eq!(files(copied.path()), two_files(), "{call}");
        }
        assert!(pending > 5, "{pending}");
    }
}

#[tokio::test]
async fn whatever_fails_is_named_leaves_nothing_behind_and_can_be_repeated() {
    for first in [false, true] {
        let mut failures = 0;
        for failing in 0.. {
            let folder = folder();
            if first {
                with_first(folder.path()).await;
            }
            let before = FileSinks::new(None).read(&ci(folder.path())).await;
            let (disk, calls) = failing_at(failing);
            let (sinks, ci) = (FileSinks::on(disk, None), ci(folder.path()));
            let begun = begin(&sinks, &ci, Second, None).await;
            let delivered = match &begun {
                Ok(()) => deliver(&sinks, &ci, Second, None, "hunter-second").await,
                Err(error) => Err(error.clone()),
            };
            let Err(error) = delivered else {
                assert_eq!(calls.load(Ordering::Relaxed), failing);
                break;
            };
            failures += 1;
            let shown = format!("{error} {error:?}");
            assert!(
                shown.contains(folder.path().to_str().unwrap())
                    && shown.contains("no storage space"),
                "{shown}"
            );
            assert!(!shown.contains("hunter"), "{shown}");
            let left = files(folder.path());
            assert!(
                left.iter().all(|path| two_files().contains(path)),
                "{failing}: {left:?}"
            );
            let content = sinks.read(&ci).await;
            let value = sinks.value(&ci).await.unwrap();
            if content == record(Some(Second), None, None, true) {
                assert_eq!(value, Some(Secret::new("hunter-second")), "{failing}");
            } else if content != before {
                let delivered = first.then_some(First);
                let pending = record(delivered, Some(Second), None, value.is_some());
                assert_eq!(content, pending, "{failing}");
            }
            // The same run, and the next one.
            if begun.is_ok() {
                deliver(&sinks, &ci, Second, None, "hunter-second")
                    .await
                    .unwrap();
            }
            let next = FileSinks::new(None);
            begin(&next, &ci, Second, None).await.unwrap();
            deliver(&next, &ci, Second, None, "hunter-third")
                .await
                .unwrap();
            assert_eq!(text(&folder.path().join("tokens/ci")), "hunter-third");
            assert_eq!(files(folder.path()), two_files());
        }
        assert!(failures >= 14, "{failures}");
    }
}

/// A disk that is full at one call, and how many calls there were.
fn failing_at(failing: usize) -> (Disk, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let disk = Disk::watched(Box::new(move |_| {
        if counted.fetch_add(1, Ordering::Relaxed) == failing {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }));
    (disk, calls)
}

#[tokio::test]
async fn no_note_and_no_debug_text_shows_a_value() {
    let folder = folder();
    let secrets = folder.path().join("secrets");
    let (sinks, ci) = (FileSinks::new(Some(secrets)), ci(folder.path()));
    with_first(folder.path()).await;
    begin(&sinks, &ci, Second, Some(First)).await.unwrap();
    let note = folder.path().join("tokens/ci.iggyctl.json");
    let pending = text(&note);
    deliver(&sinks, &ci, Second, Some(First), "hunter-second")
        .await
        .unwrap();
    let shown = [
        pending,
        text(&note),
        format!("{sinks:?}"),
        format!("{:?}", sinks.read(&ci).await),
        format!("{:?}", sinks.value(&ci).await),
    ];
    for shown in shown {
        assert!(!shown.contains("hunter"), "{shown}");
        assert!(!shown.is_empty());
    }
}

#[test]
fn a_new_file_is_claimed_before_and_written_whole() {
    let folder = folder();
    let path = folder.path().join("tokens/mine");
    drop(NewFile::claim(&path).unwrap());
    assert!(files(folder.path()).is_empty());

    let claimed = NewFile::claim(&path).unwrap();
    assert!(!path.exists());
    claimed.write(&Secret::new("hunter2")).unwrap();
    assert_eq!(text(&path), "hunter2");
    assert_eq!(files(folder.path()), [Path::new("tokens/mine")]);
    #[cfg(unix)]
    assert_eq!(mode(&path), 0o600);

    let error = NewFile::claim(&path).unwrap_err();
    assert!(matches!(error, SinkError::Foreign { .. }), "{error}");
}

#[test]
fn a_new_file_never_replaces_another_and_leaves_none_when_it_fails() {
    let folder = folder();
    let path = folder.path().join("mine");
    let claimed = NewFile::claim(&path).unwrap();
    std::fs::write(&path, "precious").unwrap();
    let error = claimed.write(&Secret::new("hunter2")).unwrap_err();
    assert!(matches!(error, SinkError::Foreign { .. }), "{error}");
    assert_eq!(text(&path), "precious");
    std::fs::remove_file(&path).unwrap();

    for failing in 1.. {
        let (disk, _) = failing_at(failing);
        let claimed = NewFile::claim_on(disk, &path).unwrap();
        match claimed.write(&Secret::new("hunter2")) {
            Err(error) => {
                assert!(error.to_string().contains("no storage space"), "{error}");
                assert!(files(folder.path()).is_empty(), "{failing}");
            }
            Ok(()) => {
                assert_eq!(failing, 5);
                break;
            }
        }
    }
}
