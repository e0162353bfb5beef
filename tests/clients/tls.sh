#!/bin/bash
# TLS of the server's own, seen by `curl` and `openssl`: images in and out, links, certificates that change,
# clients that show certificates and those that do not, the end in the middle of a download.
. "$(dirname "$0")/lib.sh"

tls=$work/tls
mkdir "$tls"

# authority NAME: makes $tls/NAME.crt and its key.
authority() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" \
    -keyout "$tls/$1.key" -out "$tls/$1.crt" 2>"$work/openssl"
}

# signed NAME AUTHORITY USAGE [KEY]: a certificate for this machine. KEY: as `openssl req -newkey` takes it.
signed() {
  openssl req -newkey "${4:-rsa:2048}" -nodes -subj "/CN=$1" -keyout "$tls/$1.key" -out "$tls/$1.csr" 2>"$work/openssl"
  printf 'subjectAltName = IP:127.0.0.1, DNS:localhost\nextendedKeyUsage = %s\n' "$3" >"$tls/extensions"
  openssl x509 -req -in "$tls/$1.csr" -CA "$tls/$2.crt" -CAkey "$tls/$2.key" -CAcreateserial -days 2 \
    -extfile "$tls/extensions" -out "$tls/$1.crt" 2>"$work/openssl"
  chmod 600 "$tls/$1.key"
}

# configured [LINE...]: writes the configuration, with these lines in [glance_rs].
configured() {
  printf '%s\n' '[glance_rs]' 'auth_mode = none' "cert_file = $tls/server.crt" "key_file = $tls/server.key" "$@" \
    >"$work/glance-api.conf"
}

# serial: of the certificate that the server shows.
serial() {
  openssl s_client -connect "${url#https://}" -CAfile "$tls/ca.crt" </dev/null 2>/dev/null | openssl x509 -noout -serial
}

# shown CERTIFICATE: waits until the server shows it.
shown() {
  local wanted
  wanted=$(openssl x509 -noout -serial -in "$1")
  for _ in $(seq 100); do
    [ "$(serial)" != "$wanted" ] || return 0
    sleep 0.1
  done
  die "the server does not show $1"
}

# create: a new image; sets $id.
create() {
  curl -sS "${trust[@]}" -D "$work/headers" -o "$work/body" "$url/v2/images" -H 'Content-Type: application/json' \
    -d '{"disk_format": "raw", "container_format": "bare"}'
  id=$(python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])' <"$work/body")
}

# upload FILE
upload() {
  equal "upload" 204 "$(curl -sS "${trust[@]}" -o "$work/body" -w '%{http_code}' "$url/v2/images/$id/file" \
    -H 'Content-Type: application/octet-stream' -T "$1")"
}

images_and_links() {
  create
  equal "Location" "$url/v2/images/$id" "$(tr -d '\r' <"$work/headers" | awk 'tolower($1) == "location:" { print $2 }')"
  curl -sS "${trust[@]}" "$url/" | grep -q "\"$url/v2/\"" || die "the versions document has other links"
  head -c 20000003 /dev/urandom >"$work/data"
  upload "$work/data"
  for version in 1.2 1.3; do
    curl -sS "${trust[@]}" --tlsv$version --tls-max $version "$url/v2/images/$id/file" | cmp - "$work/data"
  done
  local first last
  while read -r first last; do
    curl -sS "${trust[@]}" -r "$first-$last" "$url/v2/images/$id/file" >"$work/part"
    dd if="$work/data" bs=64K iflag=skip_bytes,count_bytes skip="$first" count=$((last - first + 1)) status=none |
      cmp - "$work/part"
  done <<<'0 0
1 65536
4194303 4194304
12345678 17345678
20000002 20000002'
  curl -sS "${trust[@]}" -r -777 "$url/v2/images/$id/file" | cmp - <(tail -c 777 "$work/data")
  say "an image of 20 MB in and out, whole and in ranges, TLS 1.2 and 1.3"
}

who_is_believed() {
  refused curl -sS "$url/"
  refused curl -sS "${trust[@]}" "${url/https/http}/"
  refused curl -sS "${trust[@]}" --tlsv1.0 --tls-max 1.1 "$url/"
  openssl s_client -connect "${url#https://}" -CAfile "$tls/ca.crt" -verify_return_error -alpn h2,http/1.1 \
    </dev/null >"$work/s_client" 2>&1
  grep -q 'ALPN protocol: http/1.1' "$work/s_client"
  say "neither without trust, nor without TLS, nor with an old one; http/1.1 is agreed on"
}

new_certificates() {
  local pid=${started[-1]}
  cp "$tls/server.crt" "$tls/first.crt"
  signed server ca serverAuth ec:<(openssl ecparam -name prime256v1)
  kill -HUP "$pid"
  shown "$tls/server.crt"
  cp "$tls/server.crt" "$tls/second.crt"
  cp "$tls/first.crt" "$tls/server.crt"
  kill -HUP "$pid"
  for _ in $(seq 100); do
    ! grep -q 'the certificate stays as it was' "$work"/server-tls.log || break
    sleep 0.1
  done
  grep -q 'does not fit the certificate' "$work"/server-tls.log
  shown "$tls/second.crt"
  # Without a signal, within seconds.
  signed server ca serverAuth
  shown "$tls/server.crt"
  say "a new certificate is shown, one that does not fit its key is not"
}

the_end() {
  local pid=${started[-1]} got
  curl -sS "${trust[@]}" --limit-rate 8M -o "$work/slow" "$url/v2/images/$id/file" &
  got=$!
  until [ -s "$work/slow" ]; do sleep 0.1; done
  kill -TERM "$pid"
  wait "$got"
  cmp "$work/slow" "$work/data"
  wait "$pid"
  say "a download under way is finished after SIGTERM"
}

certificates_of_clients() {
  authority others
  signed client ca clientAuth
  signed foreign others clientAuth
  configured "ca_file = $tls/ca.crt"
  trust=(--cacert "$tls/ca.crt" --cert "$tls/client.crt" --key "$tls/client.key")
  start_server mutual --config-file "$work/glance-api.conf"
  create
  upload "$tls/ca.crt"
  refused curl -sS --cacert "$tls/ca.crt" "$url/"
  refused curl -sS --cacert "$tls/ca.crt" --cert "$tls/foreign.crt" --key "$tls/foreign.key" "$url/"
  say "with a certificate of its own, and not without or with somebody else's"
}

# unusable WORDS [LINE...]: the server must not start, and neither does the check pass; both say the words.
unusable() {
  local words=$1
  shift
  configured "$@"
  for command in api 'config check'; do
    # shellcheck disable=SC2086
    refused "$GLANCE_SERVER" $command --data-dir "$work/unusable" --bind 127.0.0.1:0 --config-file "$work/glance-api.conf"
    grep -q -- "$words" "$work/refused" || die "$command said: $(cat "$work/refused")"
  done
}

start_errors() {
  openssl rsa -aes256 -passout pass:x -in "$tls/server.key" -out "$tls/locked.key" 2>"$work/openssl"
  openssl rsa -aes256 -passout pass:x -traditional -in "$tls/server.key" -out "$tls/old.key" 2>"$work/openssl"
  unusable 'does not fit the certificate' "key_file = $tls/client.key"
  unusable 'takes a password' "key_file = $tls/locked.key"
  unusable 'takes a password' "key_file = $tls/old.key"
  unusable 'nowhere.key: No such file' "key_file = $tls/nowhere.key"
  unusable 'no certificate in PEM' "cert_file = $tls/server.key"
  unusable 'no certificate in PEM' "ca_file = $tls/server.key"
  configured
  chmod 640 "$tls/server.key"
  "$GLANCE_SERVER" config check --config-file "$work/glance-api.conf" --data-dir "$work/unusable" >"$work/check"
  grep -q 'warning: .*key_file: others than its owner' "$work/check"
  grep -q "TLS: certificate in $tls/server.crt" "$work/check"
  say "files that cannot be used are named before anybody is served"
}

authority ca
signed server ca serverAuth
configured
scheme=https
trust=(--cacert "$tls/ca.crt")
start_server tls --config-file "$work/glance-api.conf"
images_and_links
who_is_believed
new_certificates
the_end
certificates_of_clients
start_errors
