use std::fmt;

use iggyctl_core::access::{
    ServerPermission as Server, StreamPermission as Stream, TopicPermission as Topic,
};

/// Something that iggyctl is run for. `@` in texts is the number of the attempt.
pub(crate) struct Task {
    pub(crate) name: &'static str,
    /// How the table calls it; several tasks may be one line.
    pub(crate) documented: &'static str,
    pub(crate) needs: Words,
    /// What is there before, as the `spec` of a manifest; nothing when empty.
    pub(crate) before: &'static str,
    /// The `spec` of the manifest.
    pub(crate) manifest: &'static str,
    pub(crate) command: &'static [&'static str],
    /// Whether a run of the command did all that it is run for.
    pub(crate) is_done: fn(&Run) -> bool,
}

/// Rights on the server, on the stream `orders-@`, and on its topic `events`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Words {
    pub(crate) server: &'static [Server],
    pub(crate) on_stream: &'static [Stream],
    pub(crate) on_topic: &'static [Topic],
}

impl fmt::Display for Words {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            server,
            on_stream,
            on_topic,
        } = self;
        let server = server.iter().map(|word| format!("`{word}`"));
        let stream = on_stream
            .iter()
            .map(|word| format!("`{word}` on the stream"));
        let topic = on_topic.iter().map(|word| format!("`{word}` on the topic"));
        let words: Vec<String> = server.chain(stream).chain(topic).collect();
        match words.is_empty() {
            true => formatter.write_str("nothing"),
            false => formatter.write_str(&words.join(", ")),
        }
    }
}

const NONE: Words = on_server(&[]);

const fn on_server(server: &'static [Server]) -> Words {
    Words {
        server,
        on_stream: &[],
        on_topic: &[],
    }
}

const fn on_stream(on_stream: &'static [Stream]) -> Words {
    Words {
        server: &[],
        on_stream,
        on_topic: &[],
    }
}

/// How a run of the binary ended.
pub(crate) struct Run {
    pub(crate) arguments: String,
    pub(crate) granted: String,
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// It did not do all of its task, for want of a right and of nothing else.
    pub(crate) fn is_refused(&self, task: &Task, with: &str) {
        assert!(!(task.is_done)(self), "{} with {with}: {self}", task.name);
        // Done without what is missing, failed, pending, blocked, done in part, or refused.
        assert!(
            [0, 1, 2, 3, 6, 77].contains(&self.code),
            "{} with {with}: {self}",
            task.name
        );
        let output = format!("{}{}", self.stdout, self.stderr);
        let says_why = ["code 41", "may not", "could not be read", "cannot be read"]
            .iter()
            .any(|words| output.contains(words));
        assert!(says_why, "{} with {with}: {self}", task.name);
    }

    fn ends_with(&self, code: i32) -> bool {
        self.code == code
    }
}

impl fmt::Display for Run {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            arguments,
            granted,
            code,
            stdout,
            stderr,
        } = self;
        write!(
            formatter,
            "`iggyctl {arguments}` with {granted} ended with {code}\n{stdout}{stderr}"
        )
    }
}

const ORDERS: &str = "  streams:
    - name: orders-@
      topics: [{ name: events, consumerGroups: [billing] }]
";
const ORDERS_DIFFER: &str = "  streams:
    - name: orders-@
      topics:
        - { name: events, partitions: 2, messageExpiry: 7d, consumerGroups: [billing, audit] }
        - { name: dead-letters }
";
const ORDERS_RENAMED: &str = "  streams:
    - name: renamed-@
      previousName: orders-@
      topics: [{ name: events, partitions: 2, consumerGroups: [billing] }]
";
const EVENTS_DIFFER: &str = "  streams:
    - name: orders-@
      topics: [{ name: events, partitions: 2, messageExpiry: 7d, consumerGroups: [audit] }]
";
const GROUPS_DIFFER: &str = "  streams:
    - name: orders-@
      topics: [{ name: events, consumerGroups: [billing, audit] }]
";
const ORDERS_AND_USER: &str = "  streams:
    - name: orders-@
      topics: [{ name: events }]
  users:
    - name: service-@
      status: active
      password: { env: FORMER }
      permissions: { streams: [{ name: orders-@, preset: consumer }] }
";
const USERS_DIFFER: &str = "  users:
    - name: service-@
      status: inactive
      permissions: { streams: [{ name: orders-@, preset: producer }] }
    - name: another-@
      password: { env: SERVICE }
      permissions: { streams: [{ name: orders-@, preset: consumer }] }
";
const PASSWORD_DIFFERS: &str = "  users:
    - name: service-@
      password: { env: SERVICE }
      previousPassword: { env: FORMER }
";
const TOKEN_IS_NEW: &str = "  users:
    - name: service-@
      password: { env: FORMER }
      tokens: [{ name: ci, expiry: 30d, writeTo: { file: 'tokens/@' } }]
";
const STREAM_AND_USER: &str = "  streams: [{ name: new-@ }]
  users:
    - name: another-@
      password: { env: SERVICE }
      permissions: { streams: [{ name: new-@, preset: consumer }] }
";

const APPLY: &[&str] = &["apply", "--yes", "-f", "topology.yaml"];
const PLAN: &[&str] = &["plan", "--detailed-exitcode", "-f", "topology.yaml"];

const fn done(run: &Run) -> bool {
    run.code == 0
}

/// The table of `docs/access.md`, line by line.
pub(crate) const TASKS: &[Task] = &[
    Task {
        name: "ping",
        documented: "`ping`",
        needs: NONE,
        before: "",
        manifest: ORDERS,
        command: &["ping"],
        is_done: done,
    },
    Task {
        name: "plan_of_streams_that_are_there",
        documented: "`plan` and `diff` of streams, topics and groups that are there",
        needs: on_server(&[Server::ReadStreams]),
        before: ORDERS,
        manifest: EVENTS_DIFFER,
        command: PLAN,
        is_done: |run| run.ends_with(2),
    },
    Task {
        name: "plan_of_one_stream_that_is_there",
        documented: "the same, of one stream",
        needs: on_stream(&[Stream::ReadStream]),
        before: ORDERS,
        manifest: EVENTS_DIFFER,
        command: PLAN,
        is_done: |run| run.ends_with(2),
    },
    Task {
        name: "diff_of_streams_to_create_with_the_protection",
        documented: "the same, of what is to be created, with the protection against reused numbers",
        needs: on_server(&[Server::ReadStreams, Server::ReadUsers]),
        before: "",
        manifest: ORDERS,
        command: &["diff", "-f", "topology.yaml"],
        is_done: |run| run.ends_with(2) && !run.stdout.contains("IGW0008"),
    },
    Task {
        name: "get_topics",
        documented: "`get streams`, `get topics`, `get groups`",
        needs: on_server(&[Server::ReadStreams]),
        before: ORDERS,
        manifest: "",
        command: &["get", "topics"],
        is_done: done,
    },
    Task {
        name: "get_streams",
        documented: "`get streams`, `get topics`, `get groups`",
        needs: on_server(&[Server::ReadStreams]),
        before: ORDERS,
        manifest: "",
        command: &["get", "streams"],
        is_done: done,
    },
    Task {
        name: "get_groups",
        documented: "`get streams`, `get topics`, `get groups`",
        needs: on_server(&[Server::ReadStreams]),
        before: ORDERS,
        manifest: "",
        command: &["get", "groups"],
        is_done: done,
    },
    Task {
        name: "get_users",
        documented: "`get users`, `access` of a server, `export`",
        needs: on_server(&[Server::ReadStreams, Server::ReadUsers]),
        before: ORDERS_AND_USER,
        manifest: "",
        command: &["get", "users"],
        is_done: done,
    },
    Task {
        name: "access",
        documented: "`get users`, `access` of a server, `export`",
        needs: on_server(&[Server::ReadStreams, Server::ReadUsers]),
        before: ORDERS_AND_USER,
        manifest: "",
        command: &["access", "--topic", "orders-@/events"],
        is_done: done,
    },
    Task {
        name: "export",
        documented: "`get users`, `access` of a server, `export`",
        needs: on_server(&[Server::ReadStreams, Server::ReadUsers]),
        before: ORDERS_AND_USER,
        manifest: "",
        command: &["export"],
        is_done: |run| run.code == 0 && run.stdout.contains("service-"),
    },
    Task {
        name: "export_of_one_stream",
        documented: "`export --stream`",
        needs: on_stream(&[Stream::ReadStream]),
        before: ORDERS_AND_USER,
        manifest: "",
        command: &["export", "--stream", "orders-@"],
        is_done: |run| run.code == 0 && run.stdout.contains("- name: orders-"),
    },
    Task {
        name: "apply_of_streams",
        documented: "`apply` of streams with all that is in them",
        needs: on_server(&[Server::ManageStreams]),
        before: "",
        manifest: ORDERS,
        command: APPLY,
        is_done: done,
    },
    Task {
        name: "apply_of_streams_with_the_protection",
        documented: "the same, with the protection against reused numbers",
        needs: on_server(&[Server::ManageStreams, Server::ReadUsers]),
        before: "",
        manifest: ORDERS,
        command: APPLY,
        is_done: |run| run.code == 0 && !run.stdout.contains("IGW0008"),
    },
    Task {
        name: "apply_of_everything_about_one_stream",
        documented: "`apply` of one stream that is there, and of all that is in it",
        needs: on_stream(&[Stream::ManageStream]),
        before: ORDERS,
        manifest: ORDERS_RENAMED,
        command: APPLY,
        is_done: done,
    },
    Task {
        name: "apply_of_topics_of_one_stream",
        documented: "`apply` of topics and groups in it",
        needs: on_stream(&[Stream::ReadStream, Stream::ManageTopics]),
        before: ORDERS,
        manifest: ORDERS_DIFFER,
        command: APPLY,
        is_done: done,
    },
    Task {
        name: "apply_of_one_topic",
        documented: "`apply` of one topic that is there",
        needs: Words {
            server: &[],
            on_stream: &[Stream::ReadStream],
            on_topic: &[Topic::ManageTopic],
        },
        before: ORDERS,
        manifest: EVENTS_DIFFER,
        command: APPLY,
        is_done: done,
    },
    Task {
        name: "apply_of_groups",
        documented: "`apply` of consumer groups",
        needs: on_stream(&[Stream::ReadStream]),
        before: ORDERS,
        manifest: GROUPS_DIFFER,
        command: APPLY,
        is_done: done,
    },
    Task {
        name: "plan_of_users",
        documented: "`plan` and `diff` of users",
        needs: on_server(&[Server::ReadStreams, Server::ReadUsers]),
        before: ORDERS_AND_USER,
        manifest: USERS_DIFFER,
        command: PLAN,
        is_done: |run| run.ends_with(2),
    },
    Task {
        name: "apply_of_users",
        documented: "`apply` of users, permissions and passwords",
        needs: on_server(&[Server::ReadStreams, Server::ManageUsers]),
        before: ORDERS_AND_USER,
        manifest: USERS_DIFFER,
        command: APPLY,
        is_done: done,
    },
    Task {
        name: "apply_of_passwords",
        documented: "`apply` of users, permissions and passwords",
        needs: on_server(&[Server::ReadStreams, Server::ManageUsers]),
        before: ORDERS_AND_USER,
        manifest: PASSWORD_DIFFERS,
        command: APPLY,
        is_done: done,
    },
    Task {
        name: "apply_of_tokens",
        documented: "`apply` of access tokens of users that are there",
        needs: on_server(&[Server::ReadStreams, Server::ReadUsers]),
        before: ORDERS_AND_USER,
        manifest: TOKEN_IS_NEW,
        command: APPLY,
        is_done: done,
    },
    Task {
        name: "apply_of_streams_and_users",
        documented: "`apply` of streams and of users",
        needs: on_server(&[Server::ManageStreams, Server::ManageUsers]),
        before: "",
        manifest: STREAM_AND_USER,
        command: APPLY,
        is_done: done,
    },
];
