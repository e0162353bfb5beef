# Sourced by the scripts beside it: makes the Python environment with the release of Glance that is compared with, where
# there is none. That takes a few minutes and PyPI.
#
#     root=FOLDER; . "$root/tests/compat/environment.sh"; python_glance [VENV]
#
# `root` is the folder of the project. VENV, or $GLANCE_PYTHON_VENV, is the environment [target/python-glance]. Sets `venv`
# to it, and `server` to the program under test, $GLANCE_SERVER [target/debug/glance-server].

python_glance() {
    venv=${1:-${GLANCE_PYTHON_VENV:-$root/target/python-glance}}
    server=${GLANCE_SERVER:-${CARGO_TARGET_DIR:-$root/target}/debug/glance-server}
    [ ! -x "$venv/bin/glance-manage" ] || return 0
    python3 -m venv "$venv"
    "$venv/bin/pip" install -q --disable-pip-version-check -r "$root/tests/compat/requirements.txt"
}
