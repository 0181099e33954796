#!/usr/bin/env python3
"""Check every link of every Markdown file: files, folders and anchors inside
the repository. Addresses on the web are only counted, since CI cannot reach
them. No dependencies.

Usage: check_links.py [ROOT]
Exit: 0 all links lead somewhere, 1 some do not.
"""

import re
import subprocess
import sys
import unicodedata
from pathlib import Path
from urllib.parse import unquote

FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
HEADING = re.compile(r"^ {0,3}#{1,6}\s+(.*?)\s*#*\s*$")
CODE = re.compile(r"(`+)(?:(?!\1).)+\1")
INLINE = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(\s*<?([^)\s>]+)>?(?:\s+[\"'][^)]*)?\)")
REFERENCE = re.compile(r"^ {0,3}\[[^\]]+\]:\s+<?(\S+?)>?(?:\s|$)")
ANCHOR = re.compile(r"<a\s+(?:id|name)=[\"']([^\"']+)[\"']")


def prose(text):
    """The lines outside of fenced blocks, with their numbers."""
    fence = None
    for number, line in enumerate(text.splitlines(), 1):
        mark = FENCE.match(line)
        if fence:
            if mark and mark.group(1)[0] == fence[0] and len(mark.group(1)) >= len(fence):
                fence = None
            continue
        if mark:
            fence = mark.group(1)
            continue
        yield number, line


def slug(heading):
    """The anchor that GitHub gives a heading."""
    heading = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    heading = re.sub(r"[`*]", "", heading).strip().lower()
    kept = []
    for character in heading:
        kind = unicodedata.category(character)[0]
        if character in "-_" or kind in "LN":
            kept.append(character)
        elif character == " ":
            kept.append("-")
    return "".join(kept)


def anchors(path, known={}):
    if path not in known:
        found, seen = set(), {}
        for _, line in prose(path.read_text(encoding="utf-8")):
            found.update(ANCHOR.findall(line))
            heading = HEADING.match(line)
            if heading:
                name = slug(heading.group(1))
                count = seen.get(name, 0)
                seen[name] = count + 1
                found.add(name if count == 0 else f"{name}-{count}")
        known[path] = found
    return known[path]


def links(path):
    for number, line in prose(path.read_text(encoding="utf-8")):
        line = CODE.sub("", line)
        for target in INLINE.findall(line):
            yield number, target
        reference = REFERENCE.match(line)
        if reference and not line.lstrip().startswith("[^"):
            yield number, reference.group(1)


def broken(root, path, target):
    """Why a link leads nowhere, or None."""
    name, _, fragment = target.partition("#")
    if name.startswith("/"):
        return "an absolute path works on one machine only"
    file = (path.parent / unquote(name)).resolve() if name else path
    if not file.is_relative_to(root):
        return "leads out of the repository"
    if not file.exists():
        return "no such file"
    if fragment and file.suffix == ".md" and unquote(fragment) not in anchors(file):
        return f"no heading #{fragment} in {file.relative_to(root)}"
    return None


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "*.md"],
        cwd=root, check=True, capture_output=True, text=True,
    ).stdout.splitlines()
    if not listed:
        sys.exit("no Markdown files: is this the repository?")
    inside = outside = failures = 0
    for name in listed:
        path = root / name
        if not path.exists():
            continue
        for number, target in links(path):
            if re.match(r"[a-z][a-z0-9+.-]*:", target):
                outside += 1
                continue
            inside += 1
            reason = broken(root, path, target)
            if reason:
                failures += 1
                print(f"{name}:{number}: {target}: {reason}")
    print(f"{len(listed)} files, {inside} links inside, {failures} broken; {outside} to the web, not followed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
