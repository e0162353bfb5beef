#!/bin/sh
# Do the Python server and this one accept each other's SQLite database, and read each other's rows?
#
#     tests/compat/python-database.sh [VENV]
#
# VENV, or $GLANCE_PYTHON_VENV, is a Python environment with the release of Glance that is compared
# with. It is made, in target/python-glance unless said otherwise, where there is none: that takes a
# few minutes and PyPI. Nothing listens anywhere and nothing but temporary files is written.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
venv=${1:-${GLANCE_PYTHON_VENV:-$root/target/python-glance}}

if [ ! -x "$venv/bin/glance-manage" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --requirement "$root/tests/compat/requirements.txt"
fi

cd "$root"
GLANCE_PYTHON_VENV=$venv exec cargo test --package glance-stores --test python_glance
