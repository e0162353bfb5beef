#!/bin/sh
# Do listeners of oslo.messaging understand the notifications of this server, and are they like Python Glance's?
#
#     tests/compat/python-notifications.sh [VENV]
#
# Needs a broker: GLANCE_TEST_RABBITMQ is its URL (tests/backends/rabbitmq up). VENV, or $GLANCE_PYTHON_VENV, is a Python
# environment with the release of Glance that is compared with, as for python-database.sh. GLANCE_SERVER is the program
# under test [target/debug/glance-server]. It listens on loopback for a moment; nothing but temporary files is written.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
venv=${1:-${GLANCE_PYTHON_VENV:-$root/target/python-glance}}
server=${GLANCE_SERVER:-${CARGO_TARGET_DIR:-$root/target}/debug/glance-server}

if [ ! -x "$venv/bin/glance-manage" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --requirement "$root/tests/compat/requirements.txt"
fi

PYTHONWARNINGS=ignore PYTHONDONTWRITEBYTECODE=1 exec "$venv/bin/python" "$root/tests/compat/notifications.py" \
    "$server" "${GLANCE_TEST_RABBITMQ:?no broker: tests/backends/rabbitmq up}"
