#!/usr/bin/env bash
# Comments on the pull request, where there is a report that belongs there.
set -euo pipefail

[ "$INPUT_COMMENT" = true ] && [ -n "$MARKDOWN_FILE" ] || exit 0
case "$INPUT_COMMAND" in
  plan | apply) python3 "$GITHUB_ACTION_PATH/ci/comment.py" "$MARKDOWN_FILE" ;;
esac
