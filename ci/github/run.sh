#!/usr/bin/env bash
# Runs one command of iggyctl in GitHub Actions, and shows what came of it: in the log, as
# annotations, in the summary of the job and as outputs. What the workflow says comes in the
# environment (INPUT_…) and never as text of a script. Ends with 0 whatever the command said;
# the last step of the action ends as the output `conclusion` says.
set -euo pipefail

usage() {
  echo "::error title=iggyctl::$1"
  exit 64
}

# The command line, built as a list: nothing is split or expanded by a shell.
arguments=()
add() { # flag text: an argument for each line of the text that is not blank
  local line
  while IFS= read -r line; do
    line="${line%$'\r'}"
    [ -n "${line//[[:space:]]/}" ] || continue
    arguments+=("${1:+$1=}$line")
  done <<<"$2"
}

command="$INPUT_COMMAND"
case "$command" in
  plan | apply | drift | validate | smoke) ;;
  *) usage "the input 'command' must be plan, apply, drift, validate or smoke" ;;
esac
workspace="$PWD"
cd -- "${INPUT_WORKING_DIRECTORY:-.}"
folder=$(mktemp -d "$RUNNER_TEMP/iggyctl-XXXXXX")
report="$folder/report"     # standard output of the command: data
messages="$folder/messages" # standard error: for people
plan_file="${INPUT_PLAN_FILE:-$folder/plan}"
case "$plan_file" in
  *$'\n'*) usage "the input 'plan-file' has several lines" ;;
  /*) ;;
  *) plan_file="$PWD/$plan_file" ;;
esac

arguments=("$command")
if [ "$command" = apply ] && [ -n "$INPUT_PLAN_FILE" ]; then
  # Manifests and policies are in the plan already.
  arguments+=("--plan=$plan_file")
else
  add --file "$INPUT_FILES"
  case "$command" in plan | apply | validate) add --policy "$INPUT_POLICY" ;; esac
fi
[ "$command" = validate ] || add --server "$INPUT_SERVER"
add --context "$INPUT_CONTEXT"
add "" "$INPUT_ARGS"

# No line of what is shown between these is a command to the runner.
token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
stop_commands() { echo "::stop-commands::$token"; }
resume_commands() {
  echo
  echo "::$token::"
}

# The data goes to the report, the messages to the log as they come.
code=0
run() {
  stop_commands
  set +e
  "$IGGYCTL" "$@" 2>&1 >"$report" | tee "$messages"
  code=${PIPESTATUS[0]}
  set -e
  resume_commands
}

show() { # a file, in the log
  stop_commands
  cat -- "$1"
  resume_commands
}

# Annotations name files as --file does, and GitHub wants them from the root of the workspace.
annotate() {
  local prefix="" line
  if [ "$PWD" != "$workspace" ]; then
    prefix="${PWD#"$workspace"/}/"
    prefix="${prefix//'%'/%25}"
    prefix="${prefix//:/%3A}"
    prefix="${prefix//,/%2C}"
  fi
  while IFS= read -r line; do
    if [[ "$line" =~ ^(::[a-z]+\ file=)([^/].*)$ ]]; then
      line="${BASH_REMATCH[1]}$prefix${BASH_REMATCH[2]}"
    fi
    printf '%s\n' "$line"
  done
}

# Text as the summary shows it as it is: no markup, and no end of the block, is in it.
verbatim() {
  echo "### iggyctl $command: exit code $code"
  echo
  head -n 300 -- "$@" | sed 's/^/    /'
  echo
}

markdown=""
case "$command" in
  plan)
    rm -f -- "$plan_file"
    # One plan. All other forms show that one again.
    run "${arguments[@]}" --detailed-exitcode "--out=$plan_file" --output=markdown
    [ -s "$report" ] && markdown="$report"
    if [ -f "$plan_file" ]; then
      "$IGGYCTL" show "$plan_file" --output=text >"$folder/text" 2>>"$folder/again"
      show "$folder/text"
      "$IGGYCTL" show "$plan_file" --output=github 2>>"$folder/again" | annotate
    else
      plan_file=""
      # Refused by a policy or not valid: nothing can be applied, so another look does no harm.
      case $code in 3 | 65)
        { "$IGGYCTL" "${arguments[@]}" --output=github 2>>"$folder/again" || true; } | annotate
        ;;
      esac
    fi
    ;;
  apply)
    run "${arguments[@]}" --yes --detailed-exitcode --output=markdown
    [ -s "$report" ] && markdown="$report"
    plan_file="${INPUT_PLAN_FILE:+$plan_file}"
    ;;
  smoke | drift)
    run "${arguments[@]}" --output=markdown
    [ -s "$report" ] && markdown="$report"
    show "$report"
    plan_file=""
    ;;
  validate)
    run "${arguments[@]}"
    show "$report"
    { "$IGGYCTL" "${arguments[@]}" --output=github 2>>"$folder/again" || true; } | annotate
    plan_file=""
    ;;
esac

if [ -n "$markdown" ]; then
  cat -- "$markdown" >>"$GITHUB_STEP_SUMMARY"
else
  cat -- "$report" "$messages" >"$folder/all"
  verbatim "$folder/all" >>"$GITHUB_STEP_SUMMARY"
fi

# Pending changes are what a plan is for, and what an apply has done; everything else ends the job as iggyctl ended.
conclusion=$code
has_changes=false
case "$command $code" in
  "plan 2" | "apply 2")
    conclusion=0
    has_changes=true
    ;;
  "plan 3" | "apply 6" | "drift 2" | "drift 8") has_changes=true ;;
esac
[ "$conclusion" = 0 ] || echo "::error title=iggyctl::iggyctl $command ended with exit code $code"
{
  echo "exit-code=$code"
  echo "conclusion=$conclusion"
  echo "has-changes=$has_changes"
  echo "plan-file=$plan_file"
  echo "markdown-file=$markdown"
} >>"$GITHUB_OUTPUT"
