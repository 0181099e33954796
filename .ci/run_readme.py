#!/usr/bin/env python3
"""Run every command block of a Markdown file, in order, as one reader would:
one shell, in a copy of the sources, stopping at the first failure.

- ```sh blocks are run as they stand.
- ```console blocks: lines that begin with `$ ` are run, and a `\\` at their end
  continues them; what is printed under a command must appear in its output, in
  that order, line for line (`…` or `...` skips lines; runs of blanks count as
  one; `~` before a line means "not compared"). A command ending in
  `# exits N` must exit with N.
- ```sh server blocks are started in the background and awaited on the address
  of their `--listen` (127.0.0.1:8090 without one); they are stopped at the end.
- A ```text block that begins with `$ ` is a picture of a command that a console
  block runs, and must show what that printed.
- Other blocks (yaml, …) are not run.

Usage: run_readme.py README.md [--ran-before COMMAND]…
`--ran-before` names a whole block that the caller has already run as a step of
its own; it must be there, word for word.
"""

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

FENCE = re.compile(r"^```(\S*)\s*(.*)$")


def blocks(text):
    """(line, language, rest of the info string, body) of every fenced block."""
    start, body = None, []
    for number, line in enumerate(text.splitlines(), 1):
        fence = FENCE.match(line)
        if start is None:
            if fence:
                start, body = (number, fence.group(1), fence.group(2).strip()), []
        elif line.rstrip() == "```":
            yield (*start, body)
            start = None
        else:
            body.append(line)
    if start:
        sys.exit(f"line {start[0]}: a block is not closed")


def console_commands(body, line):
    """(line, command, expected exit code, expected output lines)."""
    commands = []
    continued = False
    for offset, text in enumerate(body, 1):
        if continued:
            commands[-1][1] += "\n" + text
            continued = text.endswith("\\")
        elif text.startswith("$ "):
            commands.append([line + offset, text[2:], 0, []])
            continued = text.endswith("\\")
        elif commands:
            commands[-1][3].append(text)
        elif text.strip():
            sys.exit(f"line {line + offset}: output before the first command")
    for command in commands:
        code = re.search(r"#\s*exits (\d+)\s*$", command[1])
        if code:
            command[2] = int(code.group(1))
    return commands


def squeeze(line):
    return " ".join(line.split())


def missing_line(expected, output):
    """The first expected line that the output does not have in its place."""
    lines = [squeeze(line) for line in output.splitlines()]
    position, free = 0, True
    for wanted in expected:
        wanted = squeeze(wanted)
        if wanted in ("…", "..."):
            free = True
            continue
        if wanted.startswith("~"):
            position, free = position + 1, False
            continue
        if not wanted:
            continue
        while position < len(lines) and not lines[position]:
            position += 1
        if free:
            while position < len(lines) and lines[position] != wanted:
                position += 1
        if position >= len(lines) or lines[position] != wanted:
            return wanted
        position, free = position + 1, False
    return None


def copy_sources(target):
    """A copy as a fresh clone would have it, unignored new files included."""
    listed = subprocess.run(
        ["git", "ls-files", "-coz", "--exclude-standard"],
        check=True, capture_output=True,
    ).stdout.split(b"\0")
    shutil.rmtree(target, ignore_errors=True)
    for name in filter(None, listed):
        source, copy = Path(os.fsdecode(name)), target / os.fsdecode(name)
        if source.is_file():
            copy.parent.mkdir(parents=True, exist_ok=True)
            # Keep the times: cargo would otherwise build everything again.
            shutil.copy2(source, copy)


HELPERS = r"""
set -uo pipefail
exec 3>&1
fail() { echo "README line $1: $2" >&3; exit 1; }
servers=""
stop_servers() { for pid in $servers; do kill "$pid" 2>/dev/null; wait "$pid"; done; }
trap stop_servers EXIT
await_server() { # line pid host port
  for _ in $(seq 600); do
    kill -0 "$2" 2>/dev/null || { cat "$SCRATCH/server.$1" >&3; fail "$1" "the server ended"; }
    (exec 4<>"/dev/tcp/$3/$4") 2>/dev/null && return
    sleep 0.1
  done
  cat "$SCRATCH/server.$1" >&3
  fail "$1" "nothing listens on $3:$4 after a minute"
}
"""


def pictures(found):
    """(line, command, lines) of every picture."""
    for line, language, _, body in found:
        if language == "text" and body and body[0].startswith("$ "):
            yield line, body[0][2:], body[1:]


def script(found, ran_before):
    """One bash script for all blocks, and what each console command must print."""
    parts, checks, count = [HELPERS], [], 0
    before = list(ran_before)
    for line, language, info, body in found:
        if language not in ("sh", "console"):
            continue
        text = "\n".join(body).strip()
        if text in before:
            before.remove(text)
            parts.append(f"echo '· line {line}: ran before, as a step of its own' >&3")
            count += 1
            continue
        if language == "console":
            commands = console_commands(body, line)
        else:
            commands = [[line, text, 0, []]]
        for at, command, code, expected in commands:
            count += 1
            parts.append(f"printf '%s\\n' {shlex.quote(f'▸ line {at}: ' + command)} >&3")
            if info == "server":
                listen = re.search(r"--listen[ =](\S+):(\d+)", command)
                host, port = listen.groups() if listen else ("127.0.0.1", "8090")
                parts.append(
                    f"(exec 4<>/dev/tcp/{host}/{port}) 2>/dev/null && fail {at} 'port {port} is taken by another program'\n"
                    # exec: what is killed in the end must be the server, not its shell.
                    f'( exec {command}\n) >"$SCRATCH/server.{at}" 2>&1 </dev/null &\n'
                    f'servers="$servers $!"; await_server {at} $! {host} {port}'
                )
                continue
            # `set -e` inside a function or a condition would be ignored, so it
            # is switched on for the block alone and the code is looked at.
            output = f'"$SCRATCH/output.{at}"'
            if language == "sh":
                parts.append(
                    f"trap 'cat {output} >&3; stop_servers; echo \"README line {at}: failed\" >&3' EXIT\n"
                    f"set -e\n{{ {command}\n}} >{output} 2>&1 </dev/null\nset +e\ntrap stop_servers EXIT\n"
                    f"sed 's/^/    /' {output} | tail -n 40 >&3"
                )
            else:
                checks.append((at, command, expected))
                parts.append(
                    f"{{ {command}\n}} >{output} 2>&1 </dev/null; code=$?\n"
                    f"sed 's/^/    /' {output} | tail -n 60 >&3\n"
                    f'[ "$code" = {code} ] || fail {at} "exited with $code instead of {code}"'
                )
    for text in before:
        sys.exit(f"no block is `{text}`")
    if not count:
        sys.exit("no command blocks: is this the README?")
    return "\n".join(parts), checks, count


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("--ran-before", action="append", default=[])
    arguments = parser.parse_args()

    found = list(blocks(arguments.file.read_text(encoding="utf-8")))
    text, checks, count = script(found, arguments.ran_before)
    compared = [(line, line, command, expected) for line, command, expected in checks]
    for line, command, expected in pictures(found):
        at = [at for at, run, _ in checks if run == command]
        if not at:
            sys.exit(f"line {line}: a picture of `{command}`, which no console block runs")
        compared.append((line, at[0], command, expected))
    # A fixed place, so that a second run finds its compiled crates.
    cache = os.environ.get("IGGYCTL_CI_CACHE", os.path.expanduser("~/.cache/iggyctl-ci"))
    work = Path(cache) / "readme" / "iggyctl"
    copy_sources(work)
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch) / "home"
        home.mkdir()
        environment = {
            name: value for name, value in os.environ.items()
            if not name.startswith(("IGGY_", "IGGYCTL_VAR_", "IGGYCTL_C"))
        }
        environment |= {
            "SCRATCH": scratch,
            # Commands of the README must not touch the reader's own settings
            # here, nor install into this machine's folders.
            "CARGO_INSTALL_ROOT": str(home / "cargo"),
            "XDG_CONFIG_HOME": str(home / "config"),
            "PATH": f"{home / 'cargo' / 'bin'}:{environment['PATH']}",
            "NO_COLOR": "1",
        }
        environment.setdefault("CARGO_TARGET_DIR", str(Path(cache) / "target"))
        run = subprocess.run(["bash", "-c", text], cwd=work, env=environment)
        failures = 0
        for line, at, command, expected in compared:
            file = Path(scratch) / f"output.{at}"
            if file.exists():
                missing = missing_line(expected, file.read_text(encoding="utf-8", errors="replace"))
                if missing is not None:
                    failures += 1
                    print(f"README line {line}: `{command}` did not print, in its place:\n    {missing}")
    if run.returncode or failures:
        print("README: failed")
        return 1
    print(f"README: {count} commands ran, {len(compared)} outputs compared")
    return 0


if __name__ == "__main__":
    sys.exit(main())
