#!/bin/bash
# The older `glance` client and the SDK, unmodified.
. "$(dirname "$0")/lib.sh"

start_server data
glance() {
  "$CLIENTS_VENV/bin/glance" --os-auth-token none --os-image-url "$url" "$@"
}

# field IMAGE NAME: from the table the client prints.
field() {
  glance image-show --max-column-width 200 "$1" | awk -F'|' -v name="$2" '{ gsub(/ /, "", $2) } $2 == name { gsub(/^ +| +$/, "", $3); print $3 }'
}

head -c 3000000 "$CLIENTS_IMAGES/cdrom.iso" >"$work/some"
id=$(cat /proc/sys/kernel/random/uuid)
glance image-create --id "$id" --name old --disk-format iso --container-format bare --visibility shared \
  --property os_distro=debian --file "$work/some" >"$work/said"
equal "status" active "$(field "$id" status)"
equal "hash" "$(hash_of "$work/some")" "$(field "$id" os_hash_value)"
glance image-download --file "$work/out" "$id"
cmp "$work/some" "$work/out"
glance image-update --property os_distro=ubuntu "$id" >"$work/said"
equal "property" ubuntu "$(field "$id" os_distro)"
glance image-tag-update "$id" blue >"$work/said"
glance member-create "$id" tenant >"$work/said"
glance member-update "$id" tenant accepted >"$work/said"
glance member-list --image-id "$id" >"$work/said"
grep -q accepted "$work/said"
glance member-delete "$id" tenant >"$work/said"
glance image-list --property-filter os_distro=ubuntu --tag blue >"$work/said"
grep -q "$id" "$work/said"
glance image-deactivate "$id"
equal "status" deactivated "$(field "$id" status)"
glance image-reactivate "$id"
glance image-delete "$id"
refused glance image-show "$id"
say "the glance client"

OS_ENDPOINT=$url "$CLIENTS_VENV/bin/python" "$here/sdk.py" "$CLIENTS_IMAGES/cdrom.iso"
equal "files left in the store" 0 "$(stored data)"
say "the SDK"
