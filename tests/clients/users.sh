#!/bin/bash
# Users of the server's own (`http_basic`): the command that makes them, and the clients, unmodified, as them.
. "$(dirname "$0")/lib.sh"

users() {
  local command=$1
  shift
  "$GLANCE_SERVER" users "$command" --users-file "$work/htpasswd" "$@"
}

# status [CURL OPTION...]: of a list of images.
status() {
  curl -s -o "$work/body" -D "$work/headers" -w '%{http_code}' "$@" "$url/v2/images"
}

echo secret-of-alice | users add alice --project research >"$work/said"
echo secret-of-bob | users add bob --role reader >"$work/said"
equal "users" "alice: project research, roles member, reader bob: project bob, roles reader" "$(users list | paste -sd' ')"
echo secret-of-alice | users check alice >"$work/said"
code=0
echo wrong | users check alice >"$work/said" || code=$?
equal "exit code of a wrong password" 3 "$code"
if grep -q secret-of "$work/htpasswd" "$work/htpasswd.projects"; then die "a password is written down"; fi
say "users: add, list, check"

echo secret-of-dave | users add dave --project sales >"$work/said"
cat >"$work/basic.conf" <<CONF
[glance_rs]
auth_mode = http_basic
http_basic_auth_user_file = $work/htpasswd
CONF
start_server data --config-file "$work/basic.conf"
equal "nobody" 401 "$(status)"
grep -qi '^www-authenticate: Basic realm=' "$work/headers"
equal "a wrong password" 401 "$(status -u alice:wrong)"
equal "nobody known" 401 "$(status -u carol:secret-of-alice)"
equal "alice" 200 "$(status -u alice:secret-of-alice)"
say "who gets in"

unset OS_CLOUD OS_CLIENT_CONFIG_FILE
# Without an override, these clients take OS_ENDPOINT for the address of a version of the API.
export OS_AUTH_TYPE=http_basic OS_ENDPOINT=$url OS_IMAGE_ENDPOINT_OVERRIDE=$url OS_USERNAME=alice OS_PASSWORD=secret-of-alice
os() { python3 "$here/terminal.py" "$CLIENTS_VENV/bin/openstack" image "$@"; }
head -c 3000000 "$CLIENTS_IMAGES/cdrom.iso" >"$work/some"
os create --disk-format iso --container-format bare --file "$work/some" mine -f value -c id >"$work/id"
equal "owner" research "$(os show mine -f value -c owner)"
os save --file "$work/out" mine
cmp "$work/some" "$work/out"
OS_USERNAME=bob OS_PASSWORD=secret-of-bob refused os show "$(cat "$work/id")"
OS_USERNAME=bob OS_PASSWORD=secret-of-bob refused os create --disk-format raw --container-format bare no
dave() { OS_USERNAME=dave OS_PASSWORD=secret-of-dave "$@"; }
refused dave os show "$(cat "$work/id")"
os add project "$(cat "$work/id")" sales >"$work/said"
dave os set "$(cat "$work/id")" --project sales --accept
dave os save --file "$work/out" "$(cat "$work/id")"
cmp "$work/some" "$work/out"
os delete mine
"$CLIENTS_VENV/bin/python" "$here/sdk.py" "$work/some" sales OS_USERNAME=dave OS_PASSWORD=secret-of-dave
say "the openstack client and the SDK"

# The glance client knows Keystone and tokens alone, but passes on what its address says of a user.
glance() {
  "$CLIENTS_VENV/bin/glance" --os-auth-token none --os-image-url "http://$1:secret-of-$1@${url#http://}" "${@:2}"
}
id=$(cat /proc/sys/kernel/random/uuid)
glance alice image-create --id "$id" --name old --disk-format iso --container-format bare --visibility shared \
  --file "$work/some" >"$work/said"
refused glance dave image-show "$id"
glance alice member-create "$id" sales >"$work/said"
glance dave member-update "$id" sales accepted >"$work/said"
glance dave image-download --file "$work/out" "$id"
cmp "$work/some" "$work/out"
refused glance dave image-delete "$id"
glance alice image-delete "$id"
refused glance alice image-show "$id"
say "the glance client"

# The files are read anew every two seconds.
users remove bob >"$work/said"
for _ in $(seq 100); do
  if [ "$(status -u bob:secret-of-bob)" = 401 ]; then break; fi
  sleep 0.1
done
equal "bob is gone" 401 "$(status -u bob:secret-of-bob)"
if grep -q secret-of "$work"/server*.log; then die "a password is in the log"; fi
equal "files left in the store" 0 "$(stored data)"
say "changes count while the server runs"
