#!/usr/bin/env bash
# Finds iggyctl, or builds the one of this action, and puts it on the path of later steps.
#   INPUT_IGGYCTL       the program to use, if one is given
#   INPUT_INSTALL_ROOT  where a built one is kept: cache this folder
set -euo pipefail

root="${INPUT_INSTALL_ROOT:-$RUNNER_TEMP/iggyctl}"
if [ -n "$INPUT_IGGYCTL" ]; then
  program=$(command -v -- "$INPUT_IGGYCTL") || {
    echo "::error title=iggyctl::the input 'iggyctl' names no program"
    exit 64
  }
elif program=$(command -v iggyctl); then
  :
elif [ -x "$root/bin/iggyctl" ]; then
  program="$root/bin/iggyctl"
else
  # The action is a checkout of the whole repository, at the version that the workflow names.
  cargo install --locked --path "$GITHUB_ACTION_PATH" --bin iggyctl --root "$root"
  program="$root/bin/iggyctl"
fi
# A relative one must be found from the working directory, too.
program="$(cd "$(dirname "$program")" && pwd)/$(basename "$program")"
"$program" --version
dirname "$program" >>"$GITHUB_PATH"
echo "iggyctl=$program" >>"$GITHUB_OUTPUT"
