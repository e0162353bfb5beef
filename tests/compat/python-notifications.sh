#!/bin/sh
# Do listeners of oslo.messaging understand the notifications of this server, and are they like Python Glance's?
#
#     tests/compat/python-notifications.sh [VENV]
#
# Needs a broker: GLANCE_TEST_RABBITMQ is its URL (tests/backends/rabbitmq up). VENV and GLANCE_SERVER are as in
# environment.sh. The server listens on loopback for a moment; nothing but temporary files is written.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/compat/environment.sh"
python_glance "$@"

PYTHONWARNINGS=ignore PYTHONDONTWRITEBYTECODE=1 exec "$venv/bin/python" "$root/tests/compat/notifications.py" \
    "$server" "${GLANCE_TEST_RABBITMQ:?no broker: tests/backends/rabbitmq up}"
