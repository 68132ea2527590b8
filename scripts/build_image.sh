#!/bin/sh
# Build the image of medenv's own server without a network in the build:  scripts/build_image.sh TAG [BASE]
#
# This machine's pip fetches medenv and what it needs, so registry, proxy and certificates are those that pip is set up with here.
# BASE is an image with the same Python version and architecture as this machine's python3; it needs neither pip nor venv's extras.
# Without BASE one is made with debootstrap, from Debian's own packages. The engine is the one that DOCKER_HOST names.
set -eu
[ $# -ge 1 ] || { sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 2; }
tag=$1
base=${2:-}
clone=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ -z "$base" ]; then
    base=medenv-python:bookworm
    if ! docker image inspect "$base" >/dev/null 2>&1; then
        debootstrap --variant=minbase --include=python3 bookworm "$work/root" >"$work/log" || { cat "$work/log"; exit 1; }
        tar -C "$work/root" --exclude=./var/cache/apt --exclude=./var/lib/apt/lists --exclude=./usr/share/doc --exclude=./usr/share/man \
            --exclude=./usr/share/locale -c . | docker import - "$base" >/dev/null
    fi
fi

mkdir "$work/source" "$work/context"  # a copy, since building a wheel leaves files in its source
cp -r "$clone/medenv" "$clone/agents" "$clone/envs" "$clone/pyproject.toml" "$clone/README.md" "$clone/LICENSE" "$work/source"
python3 -m venv "$work/tools"
"$work/tools/bin/pip" download -q -d "$work/wheels" --only-binary :all: pip
"$work/tools/bin/pip" wheel -q -w "$work/wheels" "$work/source"
cp -r "$clone/Dockerfile" "$clone/.dockerignore" "$work/wheels" "$work/context"
docker build -q --build-arg "BASE=$base" -t "$tag" "$work/context"
