#!/bin/sh
# Do the Python server and this one accept each other's SQLite database, and read each other's rows?
#
#     tests/compat/python-database.sh [VENV]
#
# VENV is as in environment.sh. Nothing listens anywhere and nothing but temporary files is written.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/compat/environment.sh"
python_glance "$@"

cd "$root"
GLANCE_PYTHON_VENV=$venv exec cargo test --package glance-stores --test python_glance
