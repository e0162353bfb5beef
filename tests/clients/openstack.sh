#!/bin/bash
# The `openstack` client, unmodified, against a server without authentication: every image command
# that a first day with the service needs, and real disk images in and out.
. "$(dirname "$0")/lib.sh"

openstack=$CLIENTS_VENV/bin/openstack
start_server data

# Sharing makes the client ask the identity service which project is meant.
identity=$(free_port)
python3 "$here/identity.py" "$identity" &
started+=($!)

export OS_AUTH_TYPE=none OS_ENDPOINT=$url OS_IDENTITY_ENDPOINT_OVERRIDE=http://127.0.0.1:$identity/v3
unset OS_CLOUD OS_CLIENT_CONFIG_FILE

os() {
  python3 "$here/terminal.py" "$openstack" image "$@"
}

# field IMAGE COLUMN
field() {
  os show "$1" -f value -c "$2"
}

# property IMAGE NAME: a custom property, or nothing.
property() {
  os show "$1" -f json | python3 -c 'import json, sys; print(json.load(sys.stdin)["properties"].get(sys.argv[1], ""))' "$2"
}

names() {
  os list -f value -c Name "$@" | sort | paste -sd' '
}

describe() {
  os create --disk-format raw --container-format bare --property os_distro=debian --tag small first -f value -c id >"$work/id"
  id=$(cat "$work/id")
  equal "status of an image without data" queued "$(field first status)"
  equal "found by its id" first "$(field "$id" name)"
  os create --disk-format qcow2 --container-format bare --min-disk 3 second -f value -c id >"$work/second"
  equal "all images" "first second" "$(names)"
  equal "by tag" first "$(names --tag small)"
  equal "by property" first "$(names --property os_distro=debian)"
  equal "by name" second "$(names --name second)"
  equal "by status" "" "$(names --status active)"
  equal "in order" "second first" "$(os list --sort name:desc -f value -c Name | paste -sd' ')"
  # The newest come first; `--sort` is the client's own doing.
  equal "a page of one" second "$(names --limit 1)"
  equal "behind a marker" first "$(names --limit 1 --marker "$(cat "$work/second")")"
  say "create, list, show"
}

change() {
  os set first --name renamed --property os_distro=ubuntu --property os_version=24.04 --tag ready --min-ram 512
  equal "name" renamed "$(field "$id" name)"
  equal "min_ram" 512 "$(field "$id" min_ram)"
  equal "changed property" ubuntu "$(property "$id" os_distro)"
  equal "new property" 24.04 "$(property "$id" os_version)"
  equal "tags" "['ready', 'small']" "$(os show "$id" -f json | python3 -c 'import json, sys; print(sorted(json.load(sys.stdin)["tags"]))')"
  os unset renamed --property os_version --tag small
  equal "removed property" "" "$(property "$id" os_version)"
  equal "removed tag" "" "$(names --tag small)"
  os set renamed --hidden
  equal "hidden from lists" second "$(names)"
  equal "hidden images" renamed "$(names --hidden)"
  os set renamed --unhidden
  os set second --protected
  refused os delete second
  os set second --unprotected
  refused os create --disk-format raw --container-format bare --id "$id" again
  refused os create --disk-format nonsense --container-format bare nonsense
  say "set, unset, hidden, protected"
}

share() {
  os set renamed --shared
  os add project renamed tenant -f value -c status >"$work/status"
  equal "a new member" pending "$(cat "$work/status")"
  equal "members" "tenant pending" "$(os member list renamed -f value -c 'Member ID' -c Status)"
  os set renamed --project tenant --accept
  equal "member that accepted" accepted "$(os member get renamed tenant -f value -c status)"
  os set renamed --project tenant --reject
  equal "member that rejected" rejected "$(os member get renamed tenant -f value -c status)"
  refused os add project renamed tenant
  os remove project renamed tenant
  equal "members after removal" "" "$(os member list renamed -f value -c 'Member ID')"
  os set renamed --public
  equal "public images" renamed "$(names --public)"
  os set renamed --private
  refused os add project renamed tenant
  say "share: add, accept, reject, list, remove"
}

switch() {
  printf 'some data' | tee "$work/some" |
    "$openstack" image create --disk-format raw --container-format bare switched -f value -c id >"$work/switched"
  os set switched --deactivate
  equal "deactivated" deactivated "$(field switched status)"
  os set switched --activate
  equal "activated" active "$(field switched status)"
  os save --file "$work/out" switched
  cmp "$work/some" "$work/out"
  os delete renamed second switched
  equal "after deletion" "" "$(names)"
  refused os show "$id"
  equal "files left in the store" 0 "$(stored data)"
  say "deactivate, activate, delete"
}

# round FILE FORMAT: in, out, compared, deleted.
round() {
  local file=$CLIENTS_IMAGES/$1 hash
  os create --disk-format "$2" --container-format bare --file "$file" "$1" -f value -c id >"$work/round"
  os show "$1" -f json >"$work/round.json"
  os save --file "$work/out" "$1"
  hash=$(hash_of "$work/out")
  python3 "$here/expect.py" "$work/round.json" status=active disk_format="$2" size="$(stat -c %s "$file")" \
    checksum="$(md5sum "$work/out" | cut -d' ' -f1)" properties.os_hash_value="$hash"
  echo "$hash $1" >>"$work/hashes"
  os delete "$1"
  rm -f "$work/out"
  say "$1: $(stat -c %s "$file") bytes"
}

describe
change
share
switch
while read -r file format; do round "$file" "$format"; done < <(images)
equal "files left in the store" 0 "$(stored data)"
mkdir -p "$CLIENTS_HASHES"
sort -k2 "$work/hashes" >"$CLIENTS_HASHES/openstack"
