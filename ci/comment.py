#!/usr/bin/env python3
"""Put a report of iggyctl on the pull request or merge request of this run.

The report is what `iggyctl plan -o markdown` prints. Its first line is a comment that no
reader sees; the comment of the same author that begins with that line is replaced, so that a
request has one comment for each project and server. Needs only Python's own library.

Usage: comment.py FILE

IGGYCTL_COMMENT_TOKEN   the token to write with
IGGYCTL_COMMENT_AUTHOR  whose comments may be replaced; without it who the token belongs to
                        and, if the platform does not say that, github-actions[bot]

The rest is what GitHub Actions and GitLab CI set anyway. A run that belongs to no request,
and a token that may not write, as that of a pull request from a fork, is said and is no
error. Nothing that somebody can choose by a title, a text or the name of a branch is used.
"""

import json
import os
import re
import sys
import time
import urllib.error
import urllib.request

MARKER = re.compile(r"<!-- iggyctl [a-z]+: [^ ]+ -->")
COMMIT = re.compile(r"[0-9a-f]{40,64}")
NEXT_PAGE = re.compile(r'<([^>]*)>; *rel="next"')
ATTEMPTS = 3
# No answer of a healthy server takes longer.
SECONDS = 30


class Refused(Exception):
    """The platform does not let this token do it."""


class Failed(Exception):
    """The platform does not answer as it should."""


class GitHub:
    author_of = staticmethod(lambda comment: (comment.get("user") or {}).get("login"))
    update = "PATCH"

    def __init__(self, environment):
        self.base = environment["GITHUB_API_URL"].rstrip("/")
        self.headers = {
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        self.authorization = ("Authorization", "Bearer " + environment["IGGYCTL_COMMENT_TOKEN"])
        with open(environment["GITHUB_EVENT_PATH"], encoding="utf-8") as event:
            event = json.load(event)
        request = event.get("pull_request") or {}
        issue = event.get("issue") or {}
        number = request.get("number") or (issue.get("pull_request") and issue.get("number"))
        repository = environment["GITHUB_REPOSITORY"]
        self.comments = self.comment = None
        if number:
            issues = f"{self.base}/repos/{repository}/issues"
            self.comments = f"{issues}/{int(number)}/comments"
            self.comment = f"{issues}/comments"
        self.commit = (request.get("head") or {}).get("sha") or ""
        self.run = "{}/{}/actions/runs/{}".format(
            environment.get("GITHUB_SERVER_URL", "https://github.com"),
            repository,
            environment.get("GITHUB_RUN_ID", ""),
        )

    def name(self, user):
        # The token of a workflow is no user's: it may not ask who it is.
        return user["login"] if user else "github-actions[bot]"


class GitLab:
    author_of = staticmethod(lambda note: (note.get("author") or {}).get("username"))
    update = "PUT"

    def __init__(self, environment):
        self.base = environment["CI_API_V4_URL"].rstrip("/")
        self.headers = {}
        self.authorization = ("PRIVATE-TOKEN", environment["IGGYCTL_COMMENT_TOKEN"])
        self.comments = self.comment = None
        if environment.get("CI_MERGE_REQUEST_IID"):
            project = int(environment["CI_MERGE_REQUEST_PROJECT_ID"])
            number = int(environment["CI_MERGE_REQUEST_IID"])
            self.comments = f"{self.base}/projects/{project}/merge_requests/{number}/notes"
            self.comment = self.comments
        self.commit = environment.get("CI_COMMIT_SHA", "")
        self.run = environment.get("CI_PIPELINE_URL", "")

    def name(self, user):
        return user["username"] if user else None


def call(platform, method, url, body=None):
    """What the platform answers, and the address of the next page if there is one."""
    data = None if body is None else json.dumps({"body": body}).encode()
    for attempt in range(1, ATTEMPTS + 1):
        request = urllib.request.Request(url, data=data, method=method, headers=platform.headers)
        # Not sent on to wherever a redirection leads.
        request.add_unredirected_header(*platform.authorization)
        if data is not None:
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:
                following = NEXT_PAGE.search(answer.headers.get("Link") or "")
                return json.load(answer), following and following.group(1)
        except urllib.error.HTTPError as error:
            problem = f"{method} {url}: {error.code} {error.reason}"
            if error.code in (401, 403, 404):
                raise Refused(problem) from error
            # A second POST after a lost answer could be a second comment.
            if error.code < 500 or method == "POST" or attempt == ATTEMPTS:
                raise Failed(problem) from error
        except (OSError, ValueError) as error:
            if method == "POST" or attempt == ATTEMPTS:
                raise Failed(f"{method} {url}: {error}") from error
        time.sleep(attempt)
    raise AssertionError("the last attempt returns or raises")


def author(platform, environment):
    if environment.get("IGGYCTL_COMMENT_AUTHOR"):
        return environment["IGGYCTL_COMMENT_AUTHOR"]
    try:
        user, _ = call(platform, "GET", f"{platform.base}/user")
    except Refused:
        user = None
    return platform.name(user)


def existing(platform, marker, own):
    """The number of the own comment that begins with the marker."""
    url = f"{platform.comments}?per_page=100"
    while url:
        page, url = call(platform, "GET", url)
        for comment in page:
            begins = (comment.get("body") or "").splitlines()[:1] == [marker]
            if begins and own and platform.author_of(comment) == own:
                return int(comment["id"])
        if url and not url.startswith(platform.base + "/"):
            raise Failed("the next page is on another server")
    return None


def comment(environment, path):
    is_gitlab = environment.get("GITLAB_CI") == "true"
    platform = GitLab(environment) if is_gitlab else GitHub(environment)
    if platform.comments is None:
        return "no comment: this run belongs to no request"
    with open(path, encoding="utf-8") as file:
        report = file.read()
    marker = report.split("\n", 1)[0]
    if not MARKER.fullmatch(marker):
        raise Failed(f"{path} does not begin with the marker of a report")
    if COMMIT.fullmatch(platform.commit):
        report += f"\n<sub>{platform.commit[:12]} · [this run]({platform.run})</sub>\n"
    number = existing(platform, marker, author(platform, environment))
    if number is not None:
        call(platform, platform.update, f"{platform.comment}/{number}", report)
        return f"comment {number} updated"
    answer, _ = call(platform, "POST", platform.comments, report)
    return f"comment {int(answer['id'])} created"


def say(environment, level, text):
    """For people; in GitHub Actions as an annotation."""
    if environment.get("GITHUB_ACTIONS") == "true":
        text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
        print(f"::{level} title=iggyctl::{text}")
    else:
        print(f"{level}: {text}", file=sys.stderr)


def main():
    environment = os.environ
    try:
        print(comment(environment, sys.argv[1]))
    except Refused as refused:
        say(environment, "warning", f"no comment, since the token may not write one: {refused}")
    except Failed as failed:
        say(environment, "error", f"no comment: {failed}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
