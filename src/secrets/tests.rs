use std::sync::Arc;

use tempfile::TempDir;

use super::*;

fn at(file: &str, line: u32) -> Origin {
    Origin {
        file: Arc::from(file),
        line,
        column: 17,
    }
}

fn env(name: &str) -> SecretSource {
    SecretSource::Env(name.to_owned())
}

fn file(path: &str) -> SecretSource {
    SecretSource::File(path.to_owned())
}

fn context(name: &str) -> SecretSource {
    SecretSource::Context(name.to_owned())
}

fn key(name: &str, key: &str) -> SecretSource {
    SecretSource::SecretKeyRef(SecretKey {
        name: name.to_owned(),
        key: key.to_owned(),
    })
}

fn write(folder: &TempDir, name: &str, content: &str) -> String {
    let path = folder.path().join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

fn one(
    store: &mut SecretStore<'_>,
    source: &SecretSource,
    origin: &Origin,
) -> Result<String, SecretError> {
    match store.resolve(&[(source.clone(), origin.clone())]) {
        Ok(resolved) => Ok(resolved.get(source, origin).unwrap().expose().to_owned()),
        Err(missing) => Err(missing[0].reason.clone()),
    }
}

#[test]
fn each_source_is_found_where_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let config = write(
        &folder,
        "config.yaml",
        "secrets:\n  by-env: { env: SECRET }\n  by-command: { command: [printf, \"pa%%ss\\n\"] }\n",
    );
    let manifest = write(&folder, "manifests/users.yaml", "");
    write(&folder, "manifests/secrets/bob", "of bob\n");
    write(&folder, "mounted/iggy/bob", "mounted\n");
    let environment = Environment::of(&[("SECRET", "in the env\n"), ("IGGYCTL_CONFIG", &config)]);
    let mut store = SecretStore::new(&environment, Some(folder.path().join("mounted")));
    let origin = at(&manifest, 3);
    let absolute = folder.path().join("manifests/secrets/bob");
    for (source, expected) in [
        (env("SECRET"), "in the env\n"),
        (file("secrets/bob"), "of bob"),
        (file(absolute.to_str().unwrap()), "of bob"),
        (context("by-env"), "in the env\n"),
        (context("by-command"), "pa%ss"),
        (key("iggy", "bob"), "mounted"),
    ] {
        assert_eq!(
            one(&mut store, &source, &origin),
            Ok(expected.to_owned()),
            "{source:?}"
        );
    }
}

#[test]
fn all_that_is_missing_is_said_at_once_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let config = write(&folder, "config.yaml", "secrets: {}\n");
    let environment = Environment::of(&[("IGGYCTL_CONFIG", &config), ("THERE", "hunter2")]);
    let mut store = SecretStore::new(&environment, None);
    let missing = store
        .resolve(&[
            (env("GONE"), at("users.yaml", 1)),
            (env("THERE"), at("users.yaml", 2)),
            (file("gone"), at("no-such-folder/users.yaml", 3)),
            (context("vault"), at("users.yaml", 4)),
            (key("iggy", "bob"), at("users.yaml", 5)),
            (env("GONE"), at("others.yaml", 6)),
            (env("\u{1b}[2J"), at("others.yaml", 7)),
        ])
        .unwrap_err();
    let error = missing_secrets(&missing);
    assert_eq!(
        error.message,
        "6 secrets are missing
  no-such-folder/users.yaml:3:17: cannot read no-such-folder/gone: No such file or directory (os error 2)
  others.yaml:6:17: the variable GONE is not set
  others.yaml:7:17: the variable \\u{1b}[2J is not set
  users.yaml:1:17: the variable GONE is not set
  users.yaml:4:17: the context file has no secret named `vault` under `secrets`
  users.yaml:5:17: `secretKeyRef` is looked up in the folder that --secrets-dir names, and none is named"
    );
    let missing_one = missing_secrets(&missing[..1]);
    assert!(missing_one.message.starts_with("a secret is missing\n"));
}

#[test]
fn each_place_is_read_once_per_command() {
    let folder = tempfile::tempdir().unwrap();
    let count = folder.path().join("count");
    let config = write(
        &folder,
        "config.yaml",
        &format!(
            "secrets:\n  counted: {{ command: [sh, -c, \"echo run >> '{}'; echo hunter2\"] }}\n  failing: {{ command: [sh, -c, \"echo run >> '{}'; exit 3\"] }}\n",
            count.display(),
            count.display()
        ),
    );
    let manifest = write(&folder, "users.yaml", "");
    let password = write(&folder, "password", "first");
    let environment = Environment::of(&[("IGGYCTL_CONFIG", &config)]);
    let mut store = SecretStore::new(&environment, None);
    let here = at(&manifest, 1);
    let references = [
        (context("counted"), here.clone()),
        (context("counted"), at("elsewhere.yaml", 2)),
        (file("password"), here.clone()),
    ];
    store.resolve(&references).unwrap();
    assert!(one(&mut store, &context("failing"), &here).is_err());
    // What is written in the meantime, to the file or the context file, comes
    // too late.
    std::fs::write(&password, "second").unwrap();
    std::fs::write(&config, "secrets: {}\n").unwrap();
    let again = store.resolve(&references).unwrap();
    assert_eq!(
        again.get(&file("password"), &here).unwrap().expose(),
        "first"
    );
    let ended = one(&mut store, &context("failing"), &here).unwrap_err();
    assert_eq!(ended.to_string(), "sh ended with exit status: 3");
    assert_eq!(std::fs::read_to_string(count).unwrap(), "run\nrun\n");
}

#[test]
fn the_context_file_is_read_only_for_who_means_it() {
    let folder = tempfile::tempdir().unwrap();
    let config = write(&folder, "config.yaml", "secrets: { vault: hunter2 }\n");
    let environment = Environment::of(&[("IGGYCTL_CONFIG", &config), ("THERE", "hunter2")]);
    let mut store = SecretStore::new(&environment, None);
    let origin = at("users.yaml", 1);
    assert!(one(&mut store, &env("THERE"), &origin).is_ok());
    let error = one(&mut store, &context("vault"), &origin).unwrap_err();
    assert!(error.to_string().contains("config.yaml:1:"), "{error}");
    assert!(!format!("{error}{error:?}").contains("hunter2"), "{error}");

    let nowhere = Environment::of(&[]);
    let mut store = SecretStore::new(&nowhere, None);
    let error = one(&mut store, &context("vault"), &origin).unwrap_err();
    assert!(error.to_string().contains("IGGYCTL_CONFIG"), "{error}");
}

#[test]
fn no_debug_text_shows_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    let config = write(
        &folder,
        "config.yaml",
        "secrets: { noisy: { command: [sh, -c, \"printf hunter2; exit 1\"] } }\n",
    );
    let environment = Environment::of(&[("IGGYCTL_CONFIG", &config), ("THERE", "hunter2")]);
    let mut store = SecretStore::new(&environment, None);
    let origin = at("users.yaml", 1);
    let resolved = store.resolve(&[(env("THERE"), origin.clone())]).unwrap();
    assert_eq!(
        resolved.get(&env("THERE"), &origin).unwrap().expose(),
        "hunter2"
    );
    assert!(!format!("{resolved:?}").contains("hunter2"));
    let missing = store.resolve(&[(context("noisy"), origin)]).unwrap_err();
    let shown = format!("{missing:?}{}", missing_secrets(&missing).message);
    assert!(shown.contains("sh ended with exit status: 1"), "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");
}
