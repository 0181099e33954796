//! The table: what is run, how it ends, and what is on standard output then.

use self::Output::{Data, Nothing, OnlyAnnotations, OnlyIn};

/// What is on standard output.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Output {
    /// Data, in the format that is asked for.
    Data,
    /// Nothing at all.
    Nothing,
    /// Nothing; as annotations what is wrong with the manifests.
    OnlyAnnotations,
    /// Data in these formats, and nothing in the others.
    OnlyIn(&'static [&'static str]),
}

/// A run of a command.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    pub(crate) command: &'static str,
    pub(crate) outcome: &'static str,
    pub(crate) arguments: &'static str,
    pub(crate) code: i32,
    pub(crate) output: Output,
    /// Whether it changes the server, so that it needs one of its own.
    pub(crate) changes: bool,
}

/// Commands that are tested by themselves.
pub(crate) const ELSEWHERE: [&str; 1] = ["dev"];

const fn row(
    command: &'static str,
    outcome: &'static str,
    arguments: &'static str,
    code: i32,
    output: Output,
) -> Row {
    Row {
        command,
        outcome,
        arguments,
        code,
        output,
        changes: false,
    }
}

const fn change(
    command: &'static str,
    outcome: &'static str,
    arguments: &'static str,
    code: i32,
    output: Output,
) -> Row {
    Row {
        command,
        outcome,
        arguments,
        code,
        output,
        changes: true,
    }
}

/// The documents of `apply` and `destroy`: as text, the plan comes first and is data, too.
const DOCUMENTS: Output = OnlyIn(&["json", "markdown", "github", "html"]);

/// The first row of each command is that of which the others follow: nobody there, a wrong
/// password, a wrong option, a wrong manifest.
#[rustfmt::skip]
pub(crate) const TABLE: &[Row] = &[
    row("init", "done", "", 0, Data),
    row("init", "a file that is there", "same.yaml", 1, Nothing),

    row("validate", "valid", "-f same.yaml", 0, Data),
    row("validate", "refused by a policy", "-f wide.yaml --policy policies", 3, Data),
    row("validate", "no manifest named", "", 64, Nothing),

    row("render", "done", "-f same.yaml", 0, Data),

    row("plan", "nothing to do", "-f same.yaml --server @server", 0, Data),
    row("plan", "pending", "-f pending.yaml --server @server", 0, Data),
    row("plan", "pending, detailed", "-f pending.yaml --server @server --detailed-exitcode", 2, Data),
    row("plan", "pending and saved", "-f pending.yaml --server @server --out another.plan", 0, Data),
    row("plan", "pruning nothing", "-f empty.yaml --prune --server @server", 0, Data),
    row("plan", "blocked", "-f blocked.yaml --server @server", 3, Data),
    row("plan", "blocked, left out", "-f blocked.yaml --server @server --skip-blocked", 0, Data),
    row("plan", "refused by a policy", "-f wide.yaml --server @server --policy policies --out refused.plan", 3, Data),
    row("plan", "a secret that is missing", "-f secret.yaml --server @server", 65, OnlyAnnotations),
    row("plan", "without secrets", "-f secret.yaml --skip-password-check --server @server", 0, Data),
    row("plan", "no server named", "-f same.yaml", 64, Nothing),
    row("plan", "of no cluster", "--from-cluster --server @server", 1, Nothing),
    row("plan", "of files and a cluster", "-f same.yaml --from-cluster --server @server", 64, Nothing),
    row("plan", "may not read", "-f same.yaml --server @reader", 3, Data),
    row("plan", "may not read, left out", "-f same.yaml --server @reader --skip-blocked", 77, Data),

    row("diff", "nothing to do", "-f same.yaml --server @server", 0, Data),
    row("diff", "pending", "-f pending.yaml --server @server", 2, Data),
    row("diff", "blocked", "-f blocked.yaml --server @server", 3, Data),
    row("diff", "refused by a policy", "-f wide.yaml --server @server --policy policies", 3, Data),

    row("drift", "as declared", "-f same.yaml --server @server", 0, Data),
    row("drift", "not to be told", "-f pending.yaml --server @server", 2, Data),
    row("drift", "left out", "-f pending.yaml --ignore ** --server @server", 0, Data),
    row("drift", "may not read", "-f same.yaml --server @reader", 77, Data),
    row("drift", "metrics of a single look", "-f same.yaml --metrics-listen 127.0.0.1:0 --server @server", 64, Nothing),

    row("show", "nothing to do", "same.plan", 0, Data),
    row("show", "pending", "pending.plan", 0, Data),
    row("show", "blocked", "blocked.plan", 0, Data),
    row("show", "cut off", "cut-off.plan", 65, Nothing),
    row("show", "not there", "nowhere.plan", 65, Nothing),

    row("apply", "nothing to do", "-f same.yaml --yes --server @server", 0, Data),
    change("apply", "applied", "-f pending.yaml --yes --server @server", 0, Data),
    change("apply", "recorded", "-f pending.yaml --yes --ledger --server @server", 0, Data),
    change("apply", "applied, detailed", "-f pending.yaml --yes --detailed-exitcode --server @server", 2, Data),
    change("apply", "a saved plan", "--plan pending.plan --yes --server @server", 0, Data),
    row("apply", "a saved plan that is stale", "--plan stale.plan --yes --server @server", 4, DOCUMENTS),
    row("apply", "a saved plan that is blocked", "--plan blocked.plan --yes --server @server", 3, Data),
    row("apply", "a plan that is cut off", "--plan cut-off.plan --yes --server @server", 65, Nothing),
    row("apply", "blocked", "-f blocked.yaml --yes --server @server", 3, Data),
    row("apply", "refused by a policy", "-f wide.yaml --yes --policy policies --server @server", 3, Data),
    change("apply", "partially applied", "-f new.yaml --yes --server @failing", 6, Data),
    row("apply", "a secret that is missing", "-f secret.yaml --yes --server @server", 65, OnlyAnnotations),
    row("apply", "nobody to ask", "-f pending.yaml --server @server", 64, Data),
    row("apply", "neither manifests nor a plan", "--yes --server @server", 64, Nothing),

    row("destroy", "not confirmed", "-f same.yaml --yes --skip-blocked --server @server", 3, Data),
    row("destroy", "blocked", "-f same.yaml --yes --server @server", 3, Data),
    change("destroy", "removed", "-f empty.yaml --yes --expect-removals 1 --server @server", 0, Data),

    row("export", "done", "--server @server", 0, Data),
    row("export", "no such stream", "--stream nowhere --server @server", 1, Nothing),

    row("export", "no such revision", "--revision 7 --server @server", 1, Nothing),

    row("history", "no ledger", "--server @server", 0, Data),
    row("history", "wrong limit", "--limit none --server @server", 64, Nothing),
    row("history show", "no ledger", "1 --server @server", 1, Nothing),

    row("lock list", "no ledger", "--server @server", 0, Data),
    row("lock release", "no ledger", "shop --server @server", 0, Nothing),

    row("get", "streams", "streams --server @server", 0, Data),
    row("get", "topics", "topics --server @server", 0, Data),
    row("get", "groups", "groups --server @server", 0, Data),
    row("get", "users", "users --server @server", 0, Data),
    row("get", "tokens", "tokens --server @server", 0, Data),
    row("get", "no such stream", "topics --stream nowhere --server @server", 1, Nothing),
    row("get", "of no cluster", "streams --from-cluster", 1, Nothing),
    row("get", "of a cluster and a server", "streams --from-cluster --server @server", 64, Nothing),
    row("get", "a namespace of no cluster", "streams --namespace shop --server @server", 64, Nothing),
    row("get", "not known", "everything --server @server", 64, Nothing),

    row("graph", "of a server", "--server @server", 0, Data),
    row("graph", "of manifests", "-f same.yaml", 0, Data),
    row("graph", "of wrong manifests", "-f wrong.yaml", 65, Nothing),

    row("access", "of a user", "--user svc-orders --server @server", 0, Data),
    row("access", "of a topic", "--topic orders/events --server @server", 0, Data),
    row("access", "of manifests", "--user svc-orders -f same.yaml", 0, Data),
    row("access", "no such user", "--user nobody --server @server", 1, Nothing),
    row("access", "of wrong manifests", "--user svc-orders -f wrong.yaml", 65, Nothing),

    row("access check", "yes", "--user svc-orders --can poll_messages orders/events --server @server", 0, Data),
    row("access check", "no", "--user svc-orders --can send_messages orders/events --server @server", 7, Data),
    row("access check", "no such user", "--user nobody --can send_messages orders/events --server @server", 1, Nothing),

    change("token create", "printed", "there --expiry 1d --print --server @server", 0, Data),
    row("token create", "a format of nothing", "there --expiry 1d --write-to there.token --server @server", 64, Nothing),
    row("token create", "taken", "here --expiry 1d --print --server @server", 1, Nothing),
    row("token list", "done", "--server @server", 0, Data),
    change("token delete", "done", "here --yes --server @server", 0, Nothing),
    row("token delete", "not there", "nowhere --yes --server @server", 1, Nothing),
    row("token delete", "nobody to ask", "here --server @server", 64, Nothing),

    row("ping", "done", "--server @server", 0, Data),

    row("smoke", "good", "--scenario basic --server @server", 0, Data),
    row("smoke", "nothing tried", "--scenario tcp-* --server @server", 7, Data),
    row("smoke", "not known", "--scenario nowhere --server @server", 64, Nothing),
    row("smoke", "of wrong manifests", "-f wrong.yaml --server @server", 65, Nothing),

    change("produce", "sent", "orders/copy -m one --server @server", 0, OnlyIn(&["json"])),
    row("produce", "no such topic", "orders/nowhere -m one --server @server", 1, Nothing),
    row("consume", "read", "orders/events --server @server", 0, Data),
    row("consume", "nothing there", "orders/copy --server @server", 0, Nothing),
    row("consume", "no such topic", "orders/nowhere --server @server", 1, Nothing),

    row("offsets get", "done", "orders/events --group billing --server @server", 0, Data),
    row("offsets get", "no such topic", "orders/nowhere --group billing --server @server", 1, Nothing),
    change("offsets set", "done", "orders/events --group billing -p 0 --offset 1 --yes --server @server", 0, Data),
    row("offsets set", "only shown", "orders/events --group billing -p 0 --offset 1 --dry-run --server @server", 0, Data),
    row("offsets set", "nobody to ask", "orders/events --group billing -p 0 --offset 1 --server @server", 64, OnlyIn(&["text"])),
    change("offsets reset", "done", "orders/events --group billing --to earliest --yes --server @server", 0, Data),
    row("offsets reset", "no such group", "orders/events --group nobody --to earliest --yes --server @server", 1, Nothing),

    row("lag", "done", "orders --server @server", 0, Data),
    row("lag", "too much", "orders --fail-above 0 --server @server", 7, Data),
    row("lag", "no such topic", "orders/nowhere --server @server", 1, Nothing),

    change("replay", "sent", "--from orders/events --to orders/copy --server @server", 0, OnlyIn(&["json"])),
    row("replay", "counted", "--from orders/events --to orders/copy --dry-run --server @server", 0, OnlyIn(&["json"])),
    row("replay", "no such topic", "--from orders/nowhere --to orders/copy --server @server", 1, Nothing),

    row("dlq list", "done", "--server @server", 0, Data),
    row("dlq show", "done", "orders/dead --server @server", 0, Data),
    row("dlq show", "no such topic", "orders/nowhere --server @server", 1, Nothing),
    change("dlq replay", "sent back", "orders/dead --yes --server @server", 0, OnlyIn(&["json"])),
    row("dlq replay", "counted", "orders/dead --dry-run --server @server", 0, OnlyIn(&["json"])),
    row("dlq replay", "nobody to ask", "orders/dead --server @server", 64, Nothing),
    change("dlq purge", "removed", "orders/dead --yes --server @server", 0, OnlyIn(&["json"])),
    row("dlq purge", "other messages", "orders/events --yes --server @server", 3, OnlyIn(&["json"])),

    row("context list", "done", "", 0, Data),
    row("context show", "done", "staging", 0, Data),
    row("context show", "not there", "nowhere", 64, Nothing),
    change("context use", "done", "staging", 0, Nothing),
    row("context use", "not there", "nowhere", 64, Nothing),

    row("policy test", "as expected", "policies", 0, Data),
    row("policy test", "not as expected", "bad.cases.yaml", 7, Data),
    row("policy test", "no case", "same.yaml", 65, Nothing),

    row("operator crds", "done", "", 0, Data),
    row("operator rbac", "of the whole cluster", "", 0, Data),
    row("operator rbac", "of a namespace", "--namespace orders", 0, Data),
    row("operator rbac", "no name of a namespace", "--namespace Orders", 64, Nothing),
    row("operator run", "no cluster", "--listen 127.0.0.1:0", 1, Nothing),

    row("schema", "of all kinds", "", 0, Data),
    row("schema", "of one", "IggyTopic", 0, Data),
    row("schema", "not known", "IggyNothing", 64, Nothing),
    row("explain", "done", "IGC0012", 0, Data),
    row("explain", "not known", "IGC9999", 64, Nothing),
    row("completions", "done", "bash", 0, Data),
    row("completions", "not known", "ksh", 64, Nothing),
];
