#!/bin/bash
# The metadata definition commands of the `glance` client (`md-*`) and of the `openstack` client (`image metadef …`),
# unmodified: every one that the installed versions have, each with a look at what it did.
#
#   METADEFS_URL   a server to ask instead of starting one; what the test makes there goes again, but for resource types
. "$(dirname "$0")/lib.sh"

if [ -n "${METADEFS_URL:-}" ]; then url=$METADEFS_URL; else start_server data; fi
ns=Clients::$$
unset OS_CLOUD OS_CLIENT_CONFIG_FILE

glance() {
  echo "$1" >>"$work/used-glance"
  env -u OS_AUTH_TYPE -u OS_ENDPOINT "$CLIENTS_VENV/bin/glance" --os-auth-token none --os-image-url "$url" "$@"
}

# metadef COMMAND [ARGUMENT...]: all words of the command are one argument, as they stand in the client's list of commands.
metadef() {
  local command=$1
  shift
  echo "image metadef $command" >>"$work/used-openstack"
  # shellcheck disable=SC2086
  OS_AUTH_TYPE=none OS_ENDPOINT=$url "$CLIENTS_VENV/bin/openstack" image metadef $command "$@"
}

# field NAME: of the table with one property a line that was printed last.
field() {
  awk -F' *[|] *' -v name="$1" '$2 == name { print $3 }' "$work/said"
}

# rows: first column of the list that was printed last.
rows() {
  awk -F' *[|] *' 'NF > 2 { print $2 }' "$work/said" | tail -n +2 | paste -sd' '
}

# said EXPRESSION: of the JSON in $work/said, called `said`.
said() {
  python3 -c 'import json, sys; said = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$work/said" "$1"
}

namespaces() {
  glance md-namespace-create "$ns" --display-name Clients --description 'Made by a test' --visibility public \
    --protected True >"$work/said"
  equal "namespace" "$ns" "$(field namespace)"
  equal "visibility" public "$(field visibility)"
  equal "protected" True "$(field protected)"
  refused glance md-namespace-create "$ns"
  grep -q 'HTTP 409' "$work/refused"
  refused glance md-namespace-delete "$ns"
  grep -q 'HTTP 403' "$work/refused"
  # The client reads first, and sends what it was not told to change as it is.
  glance md-namespace-update "$ns" --display-name Changed --visibility private --protected False >"$work/said"
  equal "changed display_name" Changed "$(field display_name)"
  equal "description" 'Made by a test' "$(field description)"
  equal "protected" False "$(field protected)"
  equal "visibility" private "$(field visibility)"
  glance md-namespace-list --visibility private >"$work/said"
  [[ " $(rows) " = *" $ns "* ]] || die "not listed: $(rows)"
  glance md-namespace-list --visibility public >"$work/said"
  [[ " $(rows) " != *" $ns "* ]] || die "listed as public: $(rows)"
  refused glance md-namespace-show "$ns::none"
  grep -q 'HTTP 404' "$work/refused"
  say "namespaces: create, update, list, refusals"
}

resource_types() {
  glance md-resource-type-associate "$ns" --name OS::Glance::Image --prefix hw_ >"$work/said"
  equal "prefix" hw_ "$(field prefix)"
  glance md-resource-type-associate "$ns" --name OS::Cinder::Volume --prefix hw_ --properties-target image >"$work/said"
  equal "properties_target" image "$(field properties_target)"
  refused glance md-resource-type-associate "$ns" --name OS::Glance::Image
  grep -q 'HTTP 409' "$work/refused"
  glance md-resource-type-list >"$work/said"
  [[ " $(rows) " = *" OS::Cinder::Volume "* ]] || die "resource types: $(rows)"
  glance md-namespace-resource-type-list "$ns" >"$work/said"
  equal "associations" "OS::Cinder::Volume OS::Glance::Image" "$(rows | tr ' ' '\n' | sort | paste -sd' ')"
  glance md-namespace-list --resource-types OS::Cinder::Volume >"$work/said"
  [[ " $(rows) " = *" $ns "* ]] || die "not listed by resource type: $(rows)"
  glance md-resource-type-deassociate "$ns" OS::Cinder::Volume
  glance md-namespace-resource-type-list "$ns" >"$work/said"
  equal "associations" OS::Glance::Image "$(rows)"
  say "resource types: associate, list, deassociate"
}

properties() {
  glance md-property-create "$ns" --name cores --title Cores --type integer \
    --schema '{"description": "How many", "minimum": 1, "maximum": 64, "default": 2}' >"$work/said"
  equal "minimum" 1 "$(field minimum)"
  equal "default" 2 "$(field default)"
  refused glance md-property-create "$ns" --name cores --title Cores --type integer --schema '{}'
  grep -q 'HTTP 409' "$work/refused"
  refused glance md-property-create "$ns" --name wrong --title Wrong --type nonsense --schema '{}'
  glance md-property-update "$ns" cores --name sockets --title Sockets --schema '{"type": "integer"}' >"$work/said"
  equal "new name" sockets "$(field name)"
  glance md-property-show "$ns" sockets >"$work/said"
  equal "title" Sockets "$(field title)"
  equal "maximum" 64 "$(field maximum)"
  refused glance md-property-show "$ns" cores
  grep -q 'HTTP 404' "$work/refused"
  glance md-property-create "$ns" --name mode --title Mode --type string --schema '{"enum": ["on", "off"]}' >"$work/said"
  equal "enum" '["on", "off"]' "$(field enum)"
  glance md-property-list "$ns" >"$work/said"
  equal "properties" "mode sockets" "$(rows | tr ' ' '\n' | sort | paste -sd' ')"
  glance md-namespace-show "$ns" --resource-type OS::Glance::Image >"$work/said"
  equal "names with the prefix" "['hw_mode', 'hw_sockets']" "$(field properties | python3 -c 'import json; print(sorted(json.loads(input())))')"
  glance md-property-delete "$ns" mode
  glance md-property-list "$ns" >"$work/said"
  equal "properties" sockets "$(rows)"
  glance md-namespace-properties-delete "$ns"
  glance md-property-list "$ns" >"$work/said"
  equal "properties" "" "$(rows)"
  say "properties: create, update, show, list, delete"
}

objects() {
  glance md-object-create "$ns" --name disk --schema '{"description": "A disk", "required": ["size"],
    "properties": {"size": {"title": "Size", "type": "integer", "minimum": 1}}}' >"$work/said"
  equal "properties" '["size"]' "$(field properties)"
  equal "required" '["size"]' "$(field required)"
  glance md-object-property-show "$ns" disk size >"$work/said"
  equal "type" integer "$(field type)"
  equal "minimum" 1 "$(field minimum)"
  refused glance md-object-property-show "$ns" disk none
  glance md-object-create "$ns" --name empty --schema '{}' >"$work/said"
  glance md-object-list "$ns" >"$work/said"
  equal "objects" "disk empty" "$(rows | tr ' ' '\n' | sort | paste -sd' ')"
  glance md-object-update "$ns" disk --name drive --schema '{"description": "A drive"}' >"$work/said"
  equal "new name" drive "$(field name)"
  glance md-object-show "$ns" drive >"$work/said"
  equal "description" "A drive" "$(field description)"
  refused glance md-object-show "$ns" disk
  glance md-object-delete "$ns" empty
  glance md-object-list "$ns" >"$work/said"
  equal "objects" drive "$(rows)"
  glance md-namespace-objects-delete "$ns"
  glance md-object-list "$ns" >"$work/said"
  equal "objects" "" "$(rows)"
  say "objects: create, update, show, list, delete"
}

# tags: the names, in order.
tags() {
  glance md-tag-list "$ns" >"$work/said"
  rows | tr ' ' '\n' | sort | paste -sd' '
}

tag_commands() {
  glance md-tag-create "$ns" --name red >"$work/said"
  equal "tag" red "$(field name)"
  refused glance md-tag-create "$ns" --name red
  grep -q 'HTTP 409' "$work/refused"
  glance md-tag-create-multiple "$ns" --names green,blue >"$work/said"
  equal "tags that replace those before" "blue green" "$(tags)"
  # The client's own --append does not reach any server: it puts into the header what is no text.
  curl -sS -f -o "$work/said" -H 'X-Openstack-Append: True' -d '{"tags": [{"name": "grey"}]}' \
    "$url/v2/metadefs/namespaces/$ns/tags"
  equal "tags that were added to" "blue green grey" "$(tags)"
  glance md-tag-update "$ns" grey --name gray >"$work/said"
  equal "new name" gray "$(field name)"
  glance md-tag-show "$ns" gray >"$work/said"
  equal "tag" gray "$(field name)"
  refused glance md-tag-show "$ns" grey
  glance md-tag-delete "$ns" gray
  equal "tags" "blue green" "$(tags)"
  glance md-namespace-tags-delete "$ns"
  equal "tags" "" "$(tags)"
  say "tags: create, replace, update, show, list, delete"
}

# A file of the starter set, as it is installed.
import() {
  local file=$root/glance-core/definitions/$1.json
  sed "s/\"namespace\": \"/&$ns::/" "$file" >"$work/file.json"
  glance md-namespace-import --file "$work/file.json" >"$work/said"
  glance md-namespace-show --max-column-width 4000 "$(field namespace)" >"$work/said"
  python3 - "$work/file.json" "$(field properties)" "$(field objects)" "$(field resource_type_associations)" <<'PYTHON'
import json, sys

file = json.load(open(sys.argv[1]))
shown = [sorted(json.loads(text or "[]")) for text in sys.argv[2:]]
wanted = [file.get("properties", {}), (o["name"] for o in file.get("objects", [])), (a["name"] for a in file["resource_type_associations"])]
assert shown == [sorted(names) for names in wanted], shown
PYTHON
  glance md-namespace-update "$(field namespace)" --protected False >"$work/said"
  glance md-namespace-delete "$(field namespace)"
  say "import of $1.json"
}

openstack_namespaces() {
  metadef "namespace create" "$ns" --display-name Clients --description 'Made by a test' --public --protected -f json >"$work/said"
  equal "created" "$ns public True" "$(said 'said["namespace"], said["visibility"], said["protected"]' | tr -d "(',)")"
  refused metadef "namespace delete" "$ns"
  metadef "namespace set" "$ns" --public --unprotected --tag red --tag blue
  metadef "namespace show" "$ns" -f json >"$work/said"
  equal "tags" "['blue', 'red']" "$(said 'sorted(tag["name"] for tag in said["tags"])')"
  metadef "namespace unset" "$ns" --tag red
  metadef "namespace show" "$ns" -f json >"$work/said"
  equal "tags" "['blue']" "$(said '[tag["name"] for tag in said["tags"]]')"
  metadef "namespace unset" "$ns" --all-tags
  metadef "namespace show" "$ns" -f json >"$work/said"
  equal "tags" "[]" "$(said 'said.get("tags") or []')"
  metadef "namespace list" --visibility public -f value >"$work/said"
  grep -qx "$ns" "$work/said"
  say "openstack: namespaces"
}

openstack_parts() {
  metadef "resource type association create" "$ns" OS::Glance::Image --properties-target image -f json >"$work/said"
  equal "association" "OS::Glance::Image image" "$(said 'said["name"] + " " + said["properties_target"]')"
  metadef "resource type association list" "$ns" -f value >"$work/said"
  equal "associations" OS::Glance::Image "$(cat "$work/said")"
  metadef "resource type list" -f value >"$work/said"
  grep -qx OS::Glance::Image "$work/said"
  metadef "resource type association delete" "$ns" OS::Glance::Image
  metadef "resource type association list" "$ns" -f value >"$work/said"
  equal "associations" "" "$(cat "$work/said")"

  metadef "property create" "$ns" --name cores --title Cores --type integer --schema '{"minimum": 2}' -f json >"$work/said"
  equal "minimum" 2 "$(said 'said["minimum"]')"
  metadef "property set" "$ns" cores --title Kerne
  metadef "property show" "$ns" cores -f json >"$work/said"
  equal "property" "Kerne 2" "$(said 'said["title"] + " " + str(said["minimum"])')"
  metadef "property list" "$ns" -f value -c name >"$work/said"
  equal "properties" cores "$(cat "$work/said")"
  metadef "property delete" "$ns" cores
  refused metadef "property show" "$ns" cores

  metadef "object create" --namespace "$ns" disk -f json >"$work/said"
  equal "object" disk "$(said 'said["name"]')"
  metadef "object update" "$ns" disk --name drive
  metadef "object show" "$ns" drive -f json >"$work/said"
  equal "properties" "{}" "$(said 'said["properties"]')"
  # No option of this client gives an object properties.
  glance md-object-update "$ns" drive --name drive --schema '{"properties": {"size": {"title": "Size", "type": "integer"}}}' >"$work/said"
  metadef "object property show" "$ns" drive size -f json >"$work/said"
  equal "property" "integer" "$(said 'said["type"]')"
  metadef "object list" "$ns" -f value -c name >"$work/said"
  equal "objects" drive "$(cat "$work/said")"
  metadef "object delete" "$ns" drive
  refused metadef "object show" "$ns" drive
  metadef "namespace delete" "$ns"
  refused metadef "namespace show" "$ns"
  say "openstack: resource types, properties, objects"
}

# Each client says what commands it has; none may have been left out.
complete() {
  glance help >"$work/help"
  grep -oE '^ {4}md-[a-z-]+' "$work/help" | tr -d ' ' | sort -u >"$work/commands"
  grep '^md-' "$work/used-glance" | sort -u | diff "$work/commands" - || die "commands of glance that were not tried"
  say "glance: all $(wc -l <"$work/commands") md- commands"
  "$CLIENTS_VENV/bin/openstack" command list -f json >"$work/said"
  said '"\n".join(sorted({c for g in said for c in (g.get("Commands") or g.get("Command")) if c.startswith("image metadef ")}))' >"$work/commands"
  sort -u "$work/used-openstack" | diff "$work/commands" - || die "commands of openstack that were not tried"
  say "openstack: all $(wc -l <"$work/commands") metadef commands"
}

namespaces
resource_types
properties
objects
tag_commands
glance md-namespace-delete "$ns"
refused glance md-namespace-show "$ns"
import numa
import quota
openstack_namespaces
openstack_parts
complete
