#!/bin/bash
# Makes disk images like those that people keep: several formats, some sparse, some long, one empty,
# and an ISO that Debian ships. Does nothing where they are there already.
# Wants qemu-img, openssl and, unless $CLIENTS_ISO names an ISO, apt.
set -euo pipefail
folder=$1
[ -e "$folder/list" ] && exit 0
rm -rf "$folder.new"
mkdir -p "$folder.new"
cd "$folder.new"

# noise NAME BYTES: bytes that nothing can compress, the same ones in every run.
noise() {
  openssl enc -aes-128-ctr -nosalt -K "$(printf '%s' "$1" | md5sum | cut -c1-32)" -iv 0 -in /dev/zero 2>/dev/null |
    head -c "$2" || true
}

: >empty.raw
# One byte beyond what fits into 31 bits.
noise long $((2 * 1024 * 1024 * 1024 + 1)) >long.raw
truncate -s 1G sparse.raw
for offset in 0 17 511 1023; do
  noise "sparse $offset" 65536 | dd of=sparse.raw bs=1M seek="$offset" conv=notrunc status=none
done

# A disk of 8 GiB that is mostly unwritten, in the formats of four hypervisors.
truncate -s 8G disk
for offset in 0 100 4096 8000; do
  noise "disk $offset" $((48 * 1024 * 1024)) | dd of=disk bs=1M seek="$offset" conv=notrunc status=none
done
qemu-img convert -f raw -O qcow2 disk system.qcow2
qemu-img convert -f raw -O vmdk -o subformat=streamOptimized disk system.vmdk
qemu-img convert -f raw -O vhdx disk system.vhdx
rm disk
qemu-img create -q -f qcow2 unwritten.qcow2 200G
qemu-img create -q -f vmdk unwritten.vmdk 40G

if [ -n "${CLIENTS_ISO:-}" ]; then
  cp "$CLIENTS_ISO" cdrom.iso
else
  mkdir package
  (cd package && apt-get download -q grub-rescue-pc >/dev/null 2>&1 && dpkg-deb -x ./*.deb .)
  cp package/usr/lib/grub-rescue/grub-rescue-cdrom.iso cdrom.iso
  rm -r package
fi
[ "$(dd if=cdrom.iso bs=1 skip=32769 count=5 status=none)" = CD001 ] || { echo "cdrom.iso is no ISO 9660 image" >&2; exit 1; }

for file in *.*; do echo "$file ${file##*.}"; done >list
mv "$folder.new" "$folder"
