#!/bin/sh
# For any CI: two jobs of one pipeline, with the files of the first kept for the second.
#
#   plan-and-apply.sh plan     makes iggyctl.plan, plan.md and plan.html; ends with 0 when nothing
#                              is to do and with 2 when changes are pending, as iggyctl does
#   plan-and-apply.sh apply    applies exactly iggyctl.plan, or nothing
#
# In the environment: where the server is and who logs in (IGGY_CONNECTION_STRING or
# IGGYCTL_CONTEXT), and, if they are not in these folders,
#   MANIFESTS    (topology)
#   POLICIES     (none)
set -eu

case "${1:-}" in
  plan)
    rm -f iggyctl.plan plan.html
    code=0
    iggyctl plan -f "${MANIFESTS:-topology}" ${POLICIES:+--policy "$POLICIES"} \
      --detailed-exitcode --out iggyctl.plan -o markdown >plan.md || code=$?
    # The same plan for the log and as a page. There is none when a policy refuses it.
    if [ -f iggyctl.plan ]; then
      iggyctl show iggyctl.plan
      iggyctl show iggyctl.plan -o html >plan.html
    fi
    exit "$code"
    ;;
  apply)
    exec iggyctl apply --plan iggyctl.plan --yes
    ;;
  *)
    echo "usage: $0 plan|apply" >&2
    exit 64
    ;;
esac
