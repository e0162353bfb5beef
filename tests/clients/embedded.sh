#!/bin/bash
# The embedded example: the same disk images with no server at all.
. "$(dirname "$0")/lib.sh"

example=${GLANCE_EXAMPLE:-$TARGET/debug/embed_sqlite_and_files}
while read -r file _; do
  "$example" "$CLIENTS_IMAGES/$file" "$work/data" >"$work/said" || die "$(cat "$work/said")"
  grep -q '^verified: equal hashes$' "$work/said" || die "$file: $(cat "$work/said")"
  echo "$(sed -n 's/^sha512: //p' "$work/said") $file" >>"$work/hashes"
  # The file in the store is the image, byte for byte.
  id=$(sed -n 's/^created //p' "$work/said")
  cmp "$CLIENTS_IMAGES/$file" "$work/data/images/$id"
  rm "$work/data/images/$id"
  say "$file: $(stat -c %s "$CLIENTS_IMAGES/$file") bytes"
done < <(images)
mkdir -p "$CLIENTS_HASHES"
sort -k2 "$work/hashes" >"$CLIENTS_HASHES/embedded"
