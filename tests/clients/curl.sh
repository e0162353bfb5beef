#!/bin/bash
# `curl` against the API itself: what the protocol says, real disk images in and out, and projects
# that share an image behind an authenticating proxy.
. "$(dirname "$0")/lib.sh"

json=(-H 'Content-Type: application/json')
octets=(-H 'Content-Type: application/octet-stream')
patch=(-X PATCH -H 'Content-Type: application/openstack-images-v2.1-json-patch')

# call STATUS PATH [CURL OPTION...]: the body lands in $work/body, the headers in $work/headers.
call() {
  local wanted=$1 path=$2 status
  shift 2
  status=$(curl -sS -o "$work/body" -D "$work/headers" -w '%{http_code}' "$@" "$url$path")
  equal "status of $path" "$wanted" "$status"
}

# header NAME
header() {
  tr -d '\r' <"$work/headers" | awk -v name="${1,,}:" 'tolower($1) == name { sub(/^[^ ]* /, ""); print }'
}

expect() {
  python3 "$here/expect.py" "$work/body" "$@"
}

# create NAME FORMAT [CURL OPTION...]: sets $id.
create() {
  local name=$1 format=$2
  shift 2
  call 201 /v2/images "${json[@]}" "$@" \
    -d "{\"name\": \"$name\", \"disk_format\": \"$format\", \"container_format\": \"bare\"}"
  id=$(python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])' <"$work/body")
  equal "Location" "$url/v2/images/$id" "$(header Location)"
}

protocol() {
  call 300 /
  call 200 /v2/schemas/image
  expect name=image
  create protocol raw
  call 204 "/v2/images/$id/file"
  call 200 "/v2/images/$id" "${patch[@]}" -d '[{"op": "add", "path": "/os_distro", "value": "debian"}]'
  expect os_distro=debian status=queued
  call 204 "/v2/images/$id/tags/blue" -X PUT
  printf '0123456789' >"$work/ten"
  call 204 "/v2/images/$id/file" "${octets[@]}" -T "$work/ten"
  call 200 "/v2/images/$id"
  expect status=active size=10 "tags=['blue']"
  call 409 "/v2/images/$id/file" "${octets[@]}" -T "$work/ten"
  call 206 "/v2/images/$id/file" -r 3-5
  equal "bytes 3 to 5" 345 "$(cat "$work/body")"
  equal "Content-Range" "bytes 3-5/10" "$(header Content-Range)"
  call 206 "/v2/images/$id/file" -r -2
  equal "the last two bytes" 89 "$(cat "$work/body")"
  call 416 "/v2/images/$id/file" -r 10-
  call 200 "/v2/images/$id/file"
  equal "Content-MD5" "$(md5sum "$work/ten" | cut -d' ' -f1)" "$(header Content-MD5)"
  call 200 "/v2/images?tag=blue&limit=1"
  expect first=/v2/images\?tag=blue\&limit=1
  call 400 /v2/images "${json[@]}" -d '{"name": '
  call 400 '/v2/images?sort_key=nonsense'
  call 404 /v2/images/no-such-image
  call 204 "/v2/images/$id" -X DELETE
  call 404 "/v2/images/$id"
  say "create, patch, tag, upload, ranges, list, delete"
}

# round FILE FORMAT [CURL OPTION...]: in, out, compared, deleted.
round() {
  local file=$CLIENTS_IMAGES/$1 name=$1 format=$2 hash
  shift 2
  create "$name" "$format"
  call 204 "/v2/images/$id/file" "${octets[@]}" -T "$file" "$@"
  call 200 "/v2/images/$id"
  hash=$(sha512sum <"$file" | cut -d' ' -f1)
  expect status=active size="$(stat -c %s "$file")" os_hash_algo=sha512 os_hash_value="$hash"
  call 200 "/v2/images/$id/file"
  equal "Content-Length" "$(stat -c %s "$file")" "$(header Content-Length)"
  echo "$(hash_of "$work/body") $name" >>"$work/hashes"
  call 204 "/v2/images/$id" -X DELETE
  say "$name: $(stat -c %s "$file") bytes"
}

# as PROJECT: identity headers, as an authenticating proxy on this machine sends them.
as() {
  caller=(-H 'X-Identity-Status: Confirmed' -H "X-User-Id: someone-of-$1" -H "X-Project-Id: $1"
    -H 'X-Roles: member,reader')
}

# listed: how many images the caller's list has.
listed() {
  call 200 /v2/images "${caller[@]}"
  python3 -c 'import json, sys; print(len(json.load(sys.stdin)["images"]))' <"$work/body"
}

projects() {
  printf '[glance_rs]\nauth_mode = trusted_headers\n[DEFAULT]\nbind_host = 127.0.0.1\n' >"$work/glance-api.conf"
  start_server projects --config-file "$work/glance-api.conf"
  call 401 /v2/images
  as alice
  create shared raw "${caller[@]}"
  call 204 "/v2/images/$id/file" "${octets[@]}" "${caller[@]}" -T "$work/ten"
  as bob
  call 404 "/v2/images/$id" "${caller[@]}"
  as alice
  call 200 "/v2/images/$id/members" "${json[@]}" "${caller[@]}" -d '{"member": "bob"}'
  expect status=pending member_id=bob
  as bob
  call 200 "/v2/images/$id/file" "${caller[@]}"
  equal "what is shared" 0123456789 "$(cat "$work/body")"
  equal "listed before bob accepts" 0 "$(listed)"
  call 200 "/v2/images/$id/members/bob" -X PUT "${json[@]}" "${caller[@]}" -d '{"status": "accepted"}'
  equal "listed when bob has accepted" 1 "$(listed)"
  call 403 "/v2/images/$id" -X DELETE "${caller[@]}"
  as alice
  call 204 "/v2/images/$id/members/bob" -X DELETE "${caller[@]}"
  as bob
  call 404 "/v2/images/$id" "${caller[@]}"
  as alice
  call 204 "/v2/images/$id" -X DELETE "${caller[@]}"
  equal "files left in the store" 0 "$(stored projects)"
  say "projects that share"
}

start_server data
protocol
while read -r file format; do round "$file" "$format"; done < <(images)
# Once more of unknown length, as a pipe is sent.
cp "$work/hashes" "$work/kept"
round cdrom.iso iso -H 'Transfer-Encoding: chunked'
mv "$work/kept" "$work/hashes"
equal "files left in the store" 0 "$(stored data)"
projects
mkdir -p "$CLIENTS_HASHES"
sort -k2 "$work/hashes" >"$CLIENTS_HASHES/curl"
