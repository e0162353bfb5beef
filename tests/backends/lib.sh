# What the scripts in this folder share: installing, starting and stopping servers for tests.
# Sourced, never run, by a script that has set NAME and defines `install`, `start_all`, `is_ready`
# and `settings`, and ends with `main "$@"`:
#
#   NAME up      installs what is missing, starts what is not running, waits until it answers, and
#                prints the settings as KEY=VALUE lines (all other output goes to standard error)
#   NAME down    ends the servers; their data stays
#   NAME wipe    ends them and removes their data
#   NAME env     prints the settings again
#   NAME kill    ends the servers as a crash would; `up` brings them back
#
#   GLANCE_BACKENDS   folder for data, logs and what is installed beside the system
#                     [/tmp/glance-backends]; users other than root have to be able to enter it

set -euo pipefail

BACKENDS=${GLANCE_BACKENDS:-/tmp/glance-backends}
HOME_OF=$BACKENDS/$NAME
INSTALLED=$BACKENDS/installed
HOST=127.0.0.1
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

say() { echo "$NAME: $*" >&2; }
fail() { say "$*"; exit 1; }

# debian PACKAGE...: installs those that are missing, and keeps their services from starting.
debian() {
  local package missing=()
  for package; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] && return
  say "installing ${missing[*]}"
  local policy=/usr/sbin/policy-rc.d made=
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    made=$policy
  fi
  local get=(apt-get -o DPkg::Lock::Timeout=600 -y -q --no-install-recommends) code=0
  "${get[@]}" install "${missing[@]}" >"$HOME_OF/log/apt" 2>&1 || {
    "${get[@]}" update >"$HOME_OF/log/apt" 2>&1 || true
    "${get[@]}" install "${missing[@]}" >>"$HOME_OF/log/apt" 2>&1 || code=$?
  }
  [ -z "$made" ] || rm -f "$made"
  [ $code = 0 ] || { tail -20 "$HOME_OF/log/apt" >&2; fail "cannot install ${missing[*]}"; }
}

# python NAME REQUIREMENT...: an environment with them in $INSTALLED/NAME, made anew when the list changes.
python() {
  local folder=$INSTALLED/$1 wanted
  shift
  wanted=$*
  [ "$(cat "$folder/wanted" 2>/dev/null)" = "$wanted" ] && return
  debian python3 python3-venv
  say "installing $wanted"
  rm -rf "$folder"
  python3 -m venv "$folder"
  "$folder/bin/pip" install -q --disable-pip-version-check "$@" >"$HOME_OF/log/pip" 2>&1 ||
    { tail -20 "$HOME_OF/log/pip" >&2; fail "cannot install $wanted"; }
  printf '%s' "$wanted" >"$folder/wanted"
}

# When a process began, in ticks since the machine did; nothing if there is none. Tells it from a
# later one of the same number.
began() {
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  # Behind the last bracket: the program's name may hold spaces.
  awk '$1 != "Z" { print $20 }' <<<"${stat##*) }"
}

# runs SERVER: whether it still does.
runs() {
  local pid since
  read -r pid since 2>/dev/null <"$HOME_OF/pid/$1" && [ "$(began "$pid")" = "$since" ]
}

# start SERVER COMMAND...: runs it in the background, in a session of its own.
start() {
  local server=$1
  shift
  runs "$server" && return
  setsid "$@" </dev/null >>"$HOME_OF/log/$server" 2>&1 9>&- &
  local pid=$!
  echo "$pid $(began $pid)" >"$HOME_OF/pid/$server"
  disown $pid
}

# stop SIGNAL SERVER...: sends the signal and waits for the end, which comes by force after 15 seconds.
stop() {
  local signal=$1 server pid _ i
  shift
  for server; do
    runs "$server" && { read -r pid _ <"$HOME_OF/pid/$server"; kill "-$signal" -- "-$pid" 2>/dev/null || true; }
  done
  for server; do
    for ((i = 0; i < 150; i++)); do
      runs "$server" || break
      sleep 0.1
    done
    runs "$server" && { read -r pid _ <"$HOME_OF/pid/$server"; kill -KILL -- "-$pid" 2>/dev/null || true; sleep 0.2; }
    rm -f "$HOME_OF/pid/$server"
  done
}

started() { ls "$HOME_OF/pid"; }
# Those that `down` and `kill` are about.
servers() { started; }

# wait_for SECONDS WHAT COMMAND...: tries the command until it succeeds.
wait_for() {
  local end=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || { tail -n 15 "$HOME_OF"/log/* >&2; fail "$what does not answer"; }
    sleep 0.2
  done
}

listens() { (exec 3<>"/dev/tcp/${2:-$HOST}/$1") 2>/dev/null; }

main() {
  mkdir -p "$HOME_OF/log" "$HOME_OF/pid" "$INSTALLED"
  # One at a time; servers do not inherit the lock.
  exec 9>"$HOME_OF/lock"
  flock -w 300 9 || fail "another call does not end"
  # shellcheck disable=SC2046  # names without spaces
  case ${1:-} in
    # One by one: in a chain of conditions, a function would go on after a command that failed.
    up) install; start_all; wait_for 90 "$NAME" is_ready; settings ;;
    env) settings ;;
    down) stop TERM $(servers) ;;
    kill) stop KILL $(servers) ;;
    wipe) stop TERM $(started); rm -rf "$HOME_OF" ;;
    *) echo "usage: $0 up|down|kill|wipe|env" >&2; exit 2 ;;
  esac
}
