#!/usr/bin/env python3
"""Say which kinds of tests ran, from the log of `cargo test`.

Tests of a rung that needs something from the machine are named
`[rung] test`, and those of a real server `real/…`; a rung that is missing shows its tests as ignored, never as
passed. The official CLI, the Python SDK, pre-commit, the Kubernetes API server, the operator with
many objects on it and what needs only bash, git and python3 must have run; a real server may be
missing.

Usage: rungs.py LOG [RUNG…]

A RUNG is one that must have run, too: what it needs is on this machine.
"""

import re
import sys
from collections import Counter

RUNGS = {
    "embedded": "embedded server",
    "official-cli": "official CLI against the embedded server",
    "python-sdk": "Python SDK against the embedded server",
    "official-clients": "official clients with each other on the embedded server",
    "browser": "pages in a real Chromium",
    "ci-integrations": "the action and the files for CI against a platform of our own",
    "pre-commit": "pre-commit with the hook of this repository",
    "official-examples": "official example programs on the embedded server",
    "kubernetes": "the operator's resources on a real kube-apiserver",
    "scale": "the operator with many objects",
    "image": "the static program in an empty root",
    "real-server": "real server",
}
REQUIRED = ("embedded", "official-cli", "python-sdk", "ci-integrations", "pre-commit", "kubernetes", "scale")
LINE = re.compile(r"^test (?:\[([a-z-]+)\]\s+)?(.*) \.\.\. (ok|FAILED|ignored)")
# What tests/operator/scale prints, also where the name of the test stands before it.
FIGURES = re.compile(r"(\d+ topics: \d.*|by themselves: .*)$")
RESULT = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored")


def main():
    counts = {rung: Counter() for rung in RUNGS}
    total = Counter()
    figures = []
    results = 0
    with open(sys.argv[1], encoding="utf-8", errors="replace") as log:
        for line in log:
            test = LINE.match(line)
            if test:
                rung = test.group(1) if test.group(1) in RUNGS else "embedded"
                if test.group(2).startswith("real/"):  # the contract, see docs/testing.md
                    rung = "real-server"
                counts[rung][test.group(3)] += 1
            figures += FIGURES.findall(line.rstrip("\n"))
            result = RESULT.match(line)
            if result:
                results += 1
                for name, count in zip(("passed", "failed", "ignored"), result.groups()):
                    total[name] += int(count)
    for rung, title in RUNGS.items():
        count = counts[rung]
        ran = count["ok"] + count["FAILED"]
        if ran:
            print(f"{title}: {count['ok']} passed, {count['FAILED']} failed, {count['ignored']} not run")
        elif count["ignored"]:
            print(f"{title}: NOT RUN ({count['ignored']} tests)")
        else:
            print(f"{title}: NOT RUN (no tests)")
        if rung == "scale":
            for line in figures:
                print(f"  {line}")
    print(f"{total['passed']} passed, {total['failed']} failed, {total['ignored']} not run, in {results} test programs")
    missing = [RUNGS[rung] for rung in (*REQUIRED, *sys.argv[2:]) if not counts[rung]["ok"]]
    if missing:
        print("must run here and did not:", ", ".join(missing))
    return 1 if missing or total["failed"] or not results else 0


if __name__ == "__main__":
    sys.exit(main())
