#!/bin/sh
# Do the Python server and this one make the same of files of metadata definitions, and show it alike?
#
#     tests/compat/python-metadefs.sh [VENV]
#
# VENV, or $GLANCE_PYTHON_VENV, is a Python environment with the release of Glance that is compared with, as for
# python-database.sh. GLANCE_SERVER is the program under test [target/debug/glance-server]. Our server listens on loopback
# for a moment; nothing but temporary files is written.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
venv=${1:-${GLANCE_PYTHON_VENV:-$root/target/python-glance}}
server=${GLANCE_SERVER:-${CARGO_TARGET_DIR:-$root/target}/debug/glance-server}

if [ ! -x "$venv/bin/glance-manage" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --requirement "$root/tests/compat/requirements.txt"
fi

PYTHONWARNINGS=ignore PYTHONDONTWRITEBYTECODE=1 exec "$venv/bin/python" "$root/tests/compat/metadefs.py" \
    "$server" "$root/glance-core/definitions"
