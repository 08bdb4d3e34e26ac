#!/bin/sh
# Make sure of a virtual environment with Python 3.12 or newer and install into it.
#
#   sh scripts/bootstrap.sh .venv -e '.[dev]'
#
# Uses uv when present, else venv and pip. Versions come from constraints.txt.
# PYTHON=/path/to/python names the interpreter.
set -eu

venv=$1
shift
cd -- "$(dirname -- "$0")/.."

# A name on PATH proves nothing (it may be a shim without a Python behind it): run it.
usable() {
    command -v "$1" >/dev/null 2>&1 || { why='not installed'; return 1; }
    version=$("$1" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null) \
        || { why='does not run'; return 1; }
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 12))' || { why=$version; return 1; }
    "$1" -c 'import ensurepip, venv' 2>/dev/null \
        || { why="$version, but without the modules venv and ensurepip"; return 1; }
}

# Sets `python` to the first usable interpreter (the one behind a shim), else fills `tried`.
find_python() {
    tried=''
    for candidate in ${PYTHON:+"$PYTHON"} python3.12 python3.13 python3.14 python3 python; do
        if usable "$candidate"; then
            python=$("$candidate" -c 'import sys; print(sys.executable)')
            return
        fi
        tried="$tried
    $candidate: $why"
    done
    return 1
}

with_uv() {
    "$venv/bin/python" -c '' 2>/dev/null \
        || uv venv --quiet --clear --python "${python:-3.12}" "$venv" || return
    uv pip install --quiet --python "$venv/bin/python" -c constraints.txt "$@"
}

with_pip() {
    "$venv/bin/python" -m pip --version >/dev/null 2>&1 || "$python" -m venv --clear "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt "$@"
}

python=''
find_python || true
echo "Setting up $venv (a few minutes the first time) ..." >&2
if command -v uv >/dev/null 2>&1; then
    with_uv "$@" && exit
    echo "uv could not do it; trying venv and pip." >&2
fi
[ -n "$python" ] || {
    cat >&2 <<EOF

cytobayes needs Python 3.12 or newer, and none was found. Tried:$tried

Any one of these helps; then repeat the command:
    install uv, which brings its own Python
    apt install python3.12 python3.12-venv    (Debian, Ubuntu)
    brew install python@3.12                  (macOS)
    pyenv install 3.12
    name an interpreter that is not on PATH: make PYTHON=/path/to/python3.12 ...

EOF
    exit 1
}
with_pip "$@"
