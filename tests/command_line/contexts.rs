//! What manifests and arguments say about which context they are for.

use iggyctl_embedded::EmbeddedServer;

use crate::sandbox::Sandbox;
use crate::served::Served;

#[test]
fn what_is_for_another_context_is_not_planned() {
    let sandbox = Sandbox::new();
    let served = Served::start(EmbeddedServer::builder(), sandbox);
    let sandbox = &served.sandbox;
    let address = served.address();
    sandbox.write(
        "home/.config/iggyctl/config.yaml",
        format!(
            "currentContext: staging\ncontexts:\n  staging: {{ server: '{address}' }}\n  \
             production: {{ server: '{address}' }}\n"
        ),
    );
    let manifest = "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopology\n\
                    metadata: { name: shop }\nspec:\n  streams: [{ name: orders }]\n";
    sandbox.write("any.yaml", manifest);
    let for_production = manifest.replace("spec:", "spec:\n  context: ${where:-production}");
    sandbox.write("production.yaml", for_production);
    let run = |arguments: &[&str]| sandbox.run(arguments);
    let plan = ["plan", "-f", "production.yaml"];
    insta::assert_snapshot!("another context", run(&plan).transcript());
    assert_eq!(
        run(&[&plan[..], &["--context", "production"]].concat()).code,
        0
    );
    assert_eq!(
        run(&[&plan[..], &["--set", "where=staging"]].concat()).code,
        0
    );
    let by_address = [&plan[..], &["--server", &address]].concat();
    insta::assert_snapshot!("by its address", run(&by_address).transcript());
    let expecting = |name| run(&["plan", "-f", "any.yaml", "--expect-context", name]);
    assert_eq!(expecting("staging").code, 0);
    assert_eq!(expecting("production").code, 64);
    for (manifest, expected, code) in [
        ("any.yaml", "staging", 2),
        ("any.yaml", "production", 64),
        ("production.yaml", "staging", 64),
    ] {
        let drift = run(&["drift", "-f", manifest, "--expect-context", expected]);
        assert_eq!(drift.code, code, "{}", drift.transcript());
    }
    let saved = run(&["plan", "-f", "any.yaml", "--out", "saved"]);
    assert_eq!(saved.code, 0, "{}", saved.transcript());
    let apply = ["apply", "--plan", "saved", "--yes", "--expect-context"];
    let refused = run(&[&apply[..], &["production"]].concat());
    assert_eq!(refused.code, 64, "{}", refused.transcript());
    let done = run(&[&apply[..], &["staging"]].concat());
    assert_eq!(done.code, 0, "{}", done.transcript());
}
