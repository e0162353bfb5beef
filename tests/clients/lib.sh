# What the client tests share: where things are, the server, saying what went wrong.
# To be sourced. Everything lives in one folder that goes when the test ends.
#
#   TARGET            cargo's target folder [target]
#   CLIENTS_VENV      virtual environment of the Python clients [$TARGET/clients-venv]
#   CLIENTS_IMAGES    the disk images made for the tests [$TARGET/clients-images]
#   CLIENTS_HASHES    where each client leaves the hashes of what it downloaded [$TARGET/clients-hashes]
#   GLANCE_SERVER     the program under test [$TARGET/debug/glance-server]

set -euo pipefail
export LC_ALL=C.UTF-8

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
TARGET=$(realpath -m "${TARGET:-${CARGO_TARGET_DIR:-$root/target}}")
CLIENTS_VENV=${CLIENTS_VENV:-$TARGET/clients-venv}
CLIENTS_IMAGES=${CLIENTS_IMAGES:-$TARGET/clients-images}
CLIENTS_HASHES=${CLIENTS_HASHES:-$TARGET/clients-hashes}
GLANCE_SERVER=${GLANCE_SERVER:-$TARGET/debug/glance-server}

work=$(mktemp -d)
started=()

finish() {
  local code=$? pid
  trap - EXIT
  for pid in ${started[@]+"${started[@]}"}; do kill "$pid" 2>/dev/null || true; done
  for pid in ${started[@]+"${started[@]}"}; do wait "$pid" 2>/dev/null || true; done
  if [ $code != 0 ]; then
    echo "--- last lines of the server's log ---" >&2
    tail -n 20 "$work"/server*.log >&2 || true
  fi
  rm -rf "$work"
  exit $code
}
trap finish EXIT
trap 'echo "FAILED: ${BASH_SOURCE[0]##*/} line $LINENO: $BASH_COMMAND" >&2' ERR

die() {
  echo "FAILED: $*" >&2
  exit 1
}

say() {
  echo "  $*"
}

# equal WHAT EXPECTED FOUND
equal() {
  [ "$2" = "$3" ] || die "$1: expected '$2', found '$3'"
}

# refused COMMAND...: the command must fail.
refused() {
  if "$@" >"$work/refused" 2>&1; then die "should have been refused: $*"; fi
}

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# start_server NAME [OPTION...]: sets $url. The data folder is $work/NAME. It speaks $scheme, and $trust holds what
# curl needs to believe it.
scheme=http
trust=()
start_server() {
  local name=$1 port pid
  shift
  port=$(free_port)
  env -u XDG_DATA_HOME HOME="$work" "$GLANCE_SERVER" api --data-dir "$work/$name" --bind "127.0.0.1:$port" "$@" \
    >"$work/server-$name.log" 2>&1 &
  pid=$!
  started+=("$pid")
  url=$scheme://127.0.0.1:$port
  for _ in $(seq 300); do
    if curl -s ${trust[@]+"${trust[@]}"} -o "$work/versions" "$url/versions"; then return; fi
    kill -0 "$pid" 2>/dev/null || die "the server ended at once"
    sleep 0.1
  done
  die "the server does not answer"
}

# The images, as `file disk_format`.
images() {
  cat "$CLIENTS_IMAGES/list"
}

hash_of() {
  sha512sum "$1" | cut -d' ' -f1
}

# stored NAME: how many files lie in the store of server NAME.
stored() {
  find "$work/$1/images" -type f | wc -l
}
