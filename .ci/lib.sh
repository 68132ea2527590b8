# Sourced by each step: the folder that steps share, and what is prepared in it, once, by whoever needs it first.
# shellcheck shell=bash
scratch=$MEDENV_CI_SCRATCH

# Charts that are built during the run are kept with it.
export MEDENV_CACHE_DIR="$scratch/cache"

# The line of the README that is marked as a command (<!-- ci: name -->, then a fenced line).
readme() { python3 scripts/readme_block.py README.md "$1"; }

# Debian packages that are not there yet.
needed() {
    local missing=() package
    for package in "$@"; do dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package"); done
    if [ ${#missing[@]} -gt 0 ]; then
        apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}"
    fi
}

# Whether the reference server can be built.
with_hapi() { [ -d ../shared/tools/hapi ]; }

# The Docker engine of this run, begun by the step that needs it first, and ended with the run.
engine() {
    export DOCKER_HOST="unix://$scratch/docker.sock"
    docker info >/dev/null 2>&1 && return
    dockerd --host "$DOCKER_HOST" --data-root "$scratch/engine/data" --exec-root "$scratch/engine/exec" \
        --pidfile "$scratch/engine.pid" >"$scratch/dockerd.log" 2>&1 </dev/null 9>&- &
    for _ in $(seq 60); do
        docker info >/dev/null 2>&1 && return
        sleep 0.5
    done
    tail -n 20 "$scratch/dockerd.log"
    return 1
}

# A copy of the clone, so that no two installations write into the same folder.
copy() { [ -d "$scratch/$1" ] || git clone -q . "$scratch/$1"; }

make_llama() { scripts/llama_cpp.sh "$scratch/llama"; }
make_extras() {
    copy source
    python3 -m venv "$scratch/extras"
    "$scratch/extras/bin/pip" install -q "$scratch/source[test-local,test-report,providers,ray,sb3,train,minari]"
}
make_view() { scripts/view_tests.sh prepare "$scratch/view"; }
make_own_image() {
    engine
    scripts/build_image.sh medenv-own:test
}
make_hapi() {
    engine
    ../shared/tools/hapi/build.sh "$scratch/hapi" && ../shared/tools/hapi/image.sh "$scratch/hapi" medenv-hapi:7.6.0
}
make_installs() {
    "$(command -v python3)" scripts/install_matrix.py "$(command -v python3)"
    "$(command -v python3)" scripts/stumbles.py
}

# prepared NAME: wait for make_NAME if it was begun, else do it now; its output is shown if it fails.
prepared() {
    local log="$scratch/$1.log"
    (
        flock 9
        [ ! -f "$scratch/$1.done" ] || exit 0
        [ ! -f "$scratch/$1.failed" ] || exit 1
        # A shell of its own, since bash ignores -e in what is on the left of ||.
        if bash -euo pipefail -c '. .ci/lib.sh; "make_$0"' "$1" >"$log" 2>&1 9>&-; then
            touch "$scratch/$1.done"
        else
            touch "$scratch/$1.failed"
            exit 1
        fi
    ) 9>"$scratch/$1.lock" || {
        tail -n 40 "$log"
        return 1
    }
}

# begin NAME: prepare it in the background. Linux shares processors among sessions first, so that `nice` within one would still take as much
# as all the tests: the session itself steps back.
begin() {
    # shellcheck disable=SC2016  # the inner shell expands it
    setsid nice bash -euo pipefail -c '
        { echo 10 >/proc/self/autogroup; } 2>/dev/null || true
        . .ci/lib.sh
        prepared "$0"' "$1" >/dev/null 2>&1 </dev/null &
    echo "$!" >>"$scratch/begun"
}
