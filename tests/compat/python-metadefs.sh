#!/bin/sh
# Do the Python server and this one make the same of files of metadata definitions, and show it alike?
#
#     tests/compat/python-metadefs.sh [VENV]
#
# VENV and GLANCE_SERVER are as in environment.sh. Our server listens on loopback for a moment; nothing but temporary
# files is written.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/compat/environment.sh"
python_glance "$@"

PYTHONWARNINGS=ignore PYTHONDONTWRITEBYTECODE=1 exec "$venv/bin/python" "$root/tests/compat/metadefs.py" \
    "$server" "$root/glance-core/definitions"
