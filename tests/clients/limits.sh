#!/bin/bash
# Limits of projects as a real Keystone has them: $KEYSTONE_URL, as `tests/backends/keystone up` prints it. Changes the
# limits registered there for images.
. "$(dirname "$0")/lib.sh"

: "${KEYSTONE_URL:?run tests/backends/keystone up}"

# field PATH: what stands there in the JSON on standard input, as in `token.project.id`.
field() {
  python3 -c 'import json, sys
value = json.load(sys.stdin)
for name in sys.argv[1].split("."):
    value = value[int(name) if isinstance(value, list) else name]
print(value)' "$1"
}

# log_in USER PASSWORD SCOPE: prints the answer; its token is in $work/token.
log_in() {
  local user='{"name": "'$1'", "password": "'$2'", "domain": {"id": "default"}}'
  curl -sf -D "$work/headers" -H 'Content-Type: application/json' "$KEYSTONE_URL/auth/tokens" -d \
    '{"auth": {"identity": {"methods": ["password"], "password": {"user": '"$user"'}}, "scope": '"$3"'}}'
  tr -d '\r' <"$work/headers" | sed -n 's/^x-subject-token: //Ip' >"$work/token"
}
project() { echo '{"project": {"name": "'"$1"'", "domain": {"id": "default"}}}'; }

log_in admin admin '{"system": {"all": true}}' >"$work/said"
admin=$(cat "$work/token")
keystone() {
  curl -sf -H "X-Auth-Token: $admin" -H 'Content-Type: application/json' "${@:2}" "$KEYSTONE_URL/$1"
}

service=$(keystone 'services?type=image' | field services.0.id)
keystone "endpoints?service_id=$service&interface=public" >"$work/endpoints"
endpoint=$(field endpoints.0.id <"$work/endpoints")
region=$(field endpoints.0.region_id <"$work/endpoints")
for kind in limits registered_limits; do
  while id=$(keystone "$kind?service_id=$service" | field "$kind.0.id" 2>"$work/said"); do
    keystone "$kind/$id" -X DELETE
  done
done
# The account that asks may read what is the system's.
glance=$(keystone 'users?name=glance' | field users.0.id)
reader=$(keystone 'roles?name=reader' | field roles.0.id)
keystone "system/users/$glance/roles/$reader" -X PUT

# limit NAME NUMBER [PROJECT]: for all projects, or for one.
limit() {
  local where='"service_id": "'$service'", "region_id": "'$region'", "resource_name": "'$1'"'
  if [ $# = 3 ]; then
    keystone limits -d '{"limits": [{'"$where"', "project_id": "'"$3"'", "resource_limit": '"$2"'}]}' >"$work/said"
  else
    keystone registered_limits -d '{"registered_limits": [{'"$where"', "default_limit": '"$2"'}]}' >"$work/said"
  fi
}

account="auth_url = $KEYSTONE_URL\nauth_type = password\nusername = glance\npassword = glance\nuser_domain_id = default"
# limited_server NAME LINES
limited_server() {
  printf '[DEFAULT]\nuse_keystone_limits = true\n[paste_deploy]\nflavor = keystone\n[keystone_authtoken]\n%b\n[oslo_limit]\n%b\n' \
    "$account\nproject_name = service\nproject_domain_name = Default" "$2" >"$work/$1.conf"
  start_server "$1" --config-file "$work/$1.conf"
}

# api PATH [CURL OPTION...]: prints the status; the answer is in $work/body.
api() {
  curl -s -o "$work/body" -D "$work/headers" -w '%{http_code}' -H "X-Auth-Token: $token" "${@:2}" "$url/v2/$1"
}
create() {
  api images -H 'Content-Type: application/json' -d '{"name": "n", "disk_format": "raw", "container_format": "bare"}'
}
upload() { api "images/$1/file" -X PUT -H 'Content-Type: application/octet-stream' "${@:2}"; }

log_in demo demo "$(project demo)" >"$work/demo"
token=$(cat "$work/token")
limited_server limited "$account\nsystem_scope = all\nendpoint_id = $endpoint"
equal "nothing is registered" 413 "$(create)"
say "what is not registered is not to be had"

limit image_size_total 3
limit image_stage_total 1
limit image_count_total 2
limit image_count_uploading 1
# For an answer counts a while.
limited_server anew "$account\nsystem_scope = all\nendpoint_service_type = image\nendpoint_interface = public"
equal "the first image" 201 "$(create)"
id=$(field id <"$work/body")
equal "the second image" 201 "$(create)"
equal "the third image" 413 "$(create)"
grep -q 'image_count_total' "$work/body"
head -c $((2 << 20)) /dev/urandom >"$work/two"
head -c $(((3 << 20) + 1)) /dev/urandom >"$work/three"
equal "too much" 413 "$(upload "$id" --data-binary "@$work/three")"
equal "too much, not announced" 413 "$(upload "$id" -H 'Transfer-Encoding: chunked' --data-binary "@$work/three")"
equal "enough" 204 "$(upload "$id" --data-binary "@$work/two")"
equal "usage" 200 "$(api info/usage)"
equal "bytes" "{'limit': 3, 'usage': 2}" "$(field usage.image_size_total <"$work/body")"
equal "images" "{'limit': 2, 'usage': 2}" "$(field usage.image_count_total <"$work/body")"
say "registered limits: 413, and usage"

limit image_count_total 3 "$(field token.project.id <"$work/demo")"
limited_server own "$account\nsystem_scope = all\nendpoint_id = $endpoint"
for _ in 1 2 3; do equal "an image" 201 "$(create)"; done
equal "the fourth image" 413 "$(create)"
say "a limit of one project"

limited_server blind "$account\nproject_name = service\nproject_domain_name = Default\nendpoint_id = $endpoint"
grep -q 'system_scope = all is missing' "$work/server-blind.log"
limited_server nowhere "$account\nsystem_scope = all\nendpoint_id = nowhere"
equal "no such endpoint" 500 "$(create)"
limited_server away "${account/$KEYSTONE_URL/http://127.0.0.1:9}\nsystem_scope = all\nendpoint_id = $endpoint"
equal "nobody there" 503 "$(create)"
grep -qi '^retry-after: ' "$work/headers"
equal "reading goes on" 200 "$(api images)"
say "accounts and endpoints that are wrong, and nobody there"
