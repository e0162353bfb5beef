#!/bin/bash
# The clients, unmodified, with tokens of a real Keystone: $KEYSTONE_URL and $KEYSTONE_APPLICATION_CREDENTIAL, as
# `tests/backends/keystone up` prints them.
. "$(dirname "$0")/lib.sh"

: "${KEYSTONE_URL:?run tests/backends/keystone up}" "${KEYSTONE_APPLICATION_CREDENTIAL:?}"
unset OS_CLOUD OS_CLIENT_CONFIG_FILE
export OS_AUTH_TYPE=password OS_AUTH_URL=$KEYSTONE_URL OS_PASSWORD=demo
export OS_USER_DOMAIN_ID=default OS_PROJECT_DOMAIN_ID=default

# keystone_server NAME LINES: a server that asks Keystone, with these lines in [keystone_authtoken].
keystone_server() {
  printf '[paste_deploy]\nflavor = keystone\n[keystone_authtoken]\nwww_authenticate_uri = %s\n%b\n' \
    "$KEYSTONE_URL" "$2" >"$work/$1.conf"
  start_server "$1" --config-file "$work/$1.conf"
  export OS_IMAGE_ENDPOINT_OVERRIDE=$url
}

# as USER PROJECT COMMAND...
as() {
  OS_USERNAME=$1 OS_PROJECT_NAME=$2 "${@:3}"
}
os() { python3 "$here/terminal.py" "$CLIENTS_VENV/bin/openstack" image "$@"; }
glance() { "$CLIENTS_VENV/bin/glance" --os-image-url "$url" "$@"; }
token() { as "$1" "$2" "$CLIENTS_VENV/bin/openstack" token issue -f value -c id; }
project() { as "$1" "$1" "$CLIENTS_VENV/bin/openstack" token issue -f value -c project_id; }

# status TOKEN [CURL OPTION...]
status() {
  local token=$1
  shift
  curl -s -o "$work/body" -D "$work/headers" -w '%{http_code}' -H "X-Auth-Token: $token" "$@" "$url/v2/images"
}

account="auth_url = $KEYSTONE_URL\nauth_type = password\nusername = glance\npassword = glance\nproject_name = service"
account="$account\nuser_domain_id = default\nproject_domain_name = Default"
keystone_server uncached "$account\ntoken_cache_time = -1"

equal "no token" 401 "$(status '')"
grep -qi "^www-authenticate: Keystone uri=\"$KEYSTONE_URL\"" "$work/headers"
equal "no good token" 401 "$(status nonsense)"
equal "forged headers" 401 "$(status '' -H 'X-Identity-Status: Confirmed' -H 'X-Roles: admin' -H 'X-Project-Id: p')"
demo=$(token demo demo)
equal "a token" 200 "$(status "$demo")"
curl -sf -X DELETE -H "X-Auth-Token: $demo" -H "X-Subject-Token: $demo" "$KEYSTONE_URL/auth/tokens"
equal "a revoked token" 401 "$(status "$demo")"
say "tokens: none, bad, good, revoked"

keystone_server data "$account"

head -c 3000000 "$CLIENTS_IMAGES/cdrom.iso" >"$work/some"
as demo demo os create --disk-format iso --container-format bare --file "$work/some" mine -f value -c id >"$work/id"
id=$(cat "$work/id")
equal "owner" "$(project demo)" "$(as demo demo os show "$id" -f value -c owner)"
as demo_reader demo os show "$id" >"$work/said"
refused as demo_reader demo os create --disk-format raw --container-format bare no
refused as alt_demo alt_demo os show "$id"
other=$(project alt_demo)
as demo demo os set "$id" --shared
as demo demo os add project "$id" "$other" >"$work/said"
as alt_demo alt_demo os set "$id" --project "$other" --accept
as alt_demo alt_demo os save --file "$work/out" "$id"
cmp "$work/some" "$work/out"
refused as alt_demo alt_demo os delete "$id"
as demo demo os delete "$id"
say "the openstack client: create, upload, share, accept, download, delete"

id=$(cat /proc/sys/kernel/random/uuid)
as demo demo glance image-create --id "$id" --name old --disk-format iso --container-format bare --visibility shared \
  --file "$work/some" >"$work/said"
as demo demo glance member-create "$id" "$other" >"$work/said"
as alt_demo alt_demo glance member-update "$id" "$other" accepted >"$work/said"
as alt_demo alt_demo glance image-download --file "$work/out" "$id"
cmp "$work/some" "$work/out"
as demo demo glance image-delete "$id"
as demo demo "$CLIENTS_VENV/bin/python" "$here/sdk.py" "$work/some" "$other" OS_USERNAME=alt_demo OS_PROJECT_NAME=alt_demo
equal "files left in the store" 0 "$(stored data)"
say "the glance client and the SDK"

application="auth_url = ${KEYSTONE_URL%/v3}\nauth_type = v3applicationcredential"
application="$application\napplication_credential_id = ${KEYSTONE_APPLICATION_CREDENTIAL%%:*}"
application="$application\napplication_credential_secret = ${KEYSTONE_APPLICATION_CREDENTIAL#*:}"
keystone_server application "$application"
demo=$(token demo demo)
equal "asked with an application credential" 200 "$(status "$demo")"
service=$(OS_PASSWORD=glance token glance service)
equal "a service beside" 200 "$(status "$demo" -H "X-Service-Token: $service")"

keystone_server locked-out "${account/password = glance/password = wrong}"
equal "an account that is refused" 503 "$(status "$demo")"
keystone_server away "${account/$KEYSTONE_URL/http://127.0.0.1:9}\nhttp_request_max_retries = 0"
equal "nobody there" 503 "$(status "$demo")"
grep -qi '^retry-after: ' "$work/headers"
for secret in "$demo" "$service" "${KEYSTONE_APPLICATION_CREDENTIAL#*:}"; do
  if grep -qF -e "$secret" "$work"/server*.log; then die "a secret is in the log"; fi
done
say "application credentials, service tokens, outages"
