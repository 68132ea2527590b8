#!/usr/bin/env bash
# The tests of the page and of the exports, with what they need: Debian's chromium, npm's axe-core, and an environment of their own
# with playwright, inspect-ai and atif. `prepare FOLDER` fetches the latter two, `run FOLDER` tests the clone that this script is in.
set -euo pipefail
cd "$(dirname "$0")/.."
AXE=4.14.1
what=$1
folder=$(mkdir -p "$2" && cd "$2" && pwd)
case $what in
prepare)
    python3 -m venv "$folder/venv"
    git clone -q . "$folder/clone"
    "$folder/venv/bin/pip" install -q "$folder/clone[test-view]"
    (cd "$folder" && npm pack --silent "axe-core@$AXE" >/dev/null && tar xzf "axe-core-$AXE.tgz" package/axe.min.js)
    ;;
run)
    "$folder/venv/bin/pip" install -q --no-deps -e .
    MEDENV_TEST_AXE="$folder/package/axe.min.js" "$folder/venv/bin/pytest" tests/report/page tests/report/logs
    "$folder/venv/bin/python" scripts/benchmark.py page
    ;;
*)
    echo "view_tests.sh: say prepare FOLDER or run FOLDER, not $what" >&2
    exit 2
    ;;
esac
