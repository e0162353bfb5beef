"""Is every file of the starter set of metadata definitions one that any Image service loads, and do they agree?

    definitions.py [FOLDER]     [glance-core/definitions]

Looks at the format (what Python Glance's loader and API accept), at the limits of the database's columns, and at what
one would trip over in use: a default that the constraints refuse, a property that two files define for the same thing.
"""

import json
import pathlib
import re
import sys

LONGEST_NAME = 80
LONGEST_DESCRIPTION = 500
NAMESPACE = {
    "namespace": str,
    "display_name": str,
    "description": str,
    "visibility": str,
    "protected": bool,
    "resource_type_associations": list,
    "properties": dict,
    "objects": list,
    "tags": list,
}
NEEDED = ["namespace", "display_name", "description", "visibility", "protected", "resource_type_associations"]
RESOURCE_TYPES = {
    "OS::Cinder::Volume",
    "OS::Glance::Image",
    "OS::Nova::Aggregate",
    "OS::Nova::Flavor",
    "OS::Nova::Server",
    "OS::Trove::Instance",
}
ASSOCIATION = {"name", "prefix", "properties_target"}
# For each type of a property, the keys that it may have beside title, description, type and default.
CONSTRAINTS = {
    "array": {"items", "minItems", "maxItems", "uniqueItems", "operators"},
    "boolean": set(),
    "integer": {"minimum", "maximum", "operators"},
    "number": {"minimum", "maximum", "operators"},
    "string": {"enum", "pattern", "minLength", "maxLength", "operators"},
}
VALUES = {"array": list, "boolean": bool, "integer": int, "number": (int, float), "string": str}


def without_doubles(pairs):
    """An object of JSON, in which a key that stands twice is no matter of the parser's taste."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice: " + ", ".join(sorted({k for k, _ in pairs})))
    return found


def text(what, value, longest=None):
    if not isinstance(value, str) or not value.strip() or value != value.strip():
        yield f"{what} has to be text without blanks around it"
    elif longest and len(value) > longest:
        yield f"{what} has {len(value)} characters, {longest} is the limit"
    elif any(ord(character) > 0xFFFF for character in value):
        yield f"{what} has a character that databases with three-byte UTF-8 do not keep"


def name(what, value):
    yield from text(what, value, LONGEST_NAME)
    # A comma ends a name in the list of required properties, a slash the segment of a path.
    if isinstance(value, str) and re.search(r"[,/]", value):
        yield f"{what} {value!r} has a comma or a slash"


def default_fits(schema):
    value, kind = schema["default"], schema["type"]
    if not isinstance(value, VALUES[kind]) or (isinstance(value, bool) and kind != "boolean"):
        return False
    if value not in schema.get("enum", [value]):
        return False
    if "pattern" in schema and not re.search(schema["pattern"], value):
        return False
    return kind not in ("integer", "number") or (
        schema.get("minimum", value) <= value <= schema.get("maximum", value)
    )


def constraints(schema):
    """What is wrong with the values of a property's keys; its type is known to be one."""
    enum, minimum, maximum = (schema.get(key) for key in ("enum", "minimum", "maximum"))
    if enum is not None and (not enum or len(set(enum)) != len(enum) or not all(isinstance(v, str) for v in enum)):
        yield "enum has to list different texts"
    for key in ("minimum", "maximum"):
        # The API stores whole numbers.
        if key in schema and (not isinstance(schema[key], int) or isinstance(schema[key], bool)):
            yield f"{key} has to be a whole number"
    if minimum is not None and maximum is not None and minimum > maximum:
        yield "minimum is above maximum"
    if "pattern" in schema:
        try:
            re.compile(schema["pattern"])
        except re.error as error:
            yield f"pattern: {error}"
        if not re.fullmatch(r"\^.*\$", schema["pattern"]):
            yield "pattern has to begin with ^ and end with $, or it matches parts of values"
    if "items" in schema and schema["items"].get("type") not in CONSTRAINTS:
        yield "items need a type"
    if "default" in schema and not default_fits(schema):
        yield "the default is not one of the values allowed"


def property_of(key, schema):
    yield from name("name of a property", key)
    for needed in ("title", "description"):
        yield from (f"property {key}: {wrong}" for wrong in text(needed, schema.get(needed)))
    if schema.get("type") not in CONSTRAINTS:
        yield f"property {key}: type {schema.get('type')!r}"
        return
    unknown = set(schema) - {"title", "description", "type", "default"} - CONSTRAINTS[schema["type"]]
    if unknown:
        yield f"property {key}: a property of type {schema['type']} has no {', '.join(sorted(unknown))}"
    yield from (f"property {key}: {wrong}" for wrong in constraints(schema))


def associations(definition):
    seen = set()
    for association in definition["resource_type_associations"]:
        if set(association) - ASSOCIATION or association.get("name") not in RESOURCE_TYPES:
            yield f"association {association}"
        for key in ("prefix", "properties_target"):
            if key in association:
                yield from text(key, association[key], LONGEST_NAME)
        # The database keeps one association of a namespace with a resource type.
        if association.get("name") in seen:
            yield f"associated twice with {association.get('name')}"
        seen.add(association.get("name"))


def objects(definition):
    seen = set()
    for item in definition.get("objects", []):
        if set(item) != {"name", "description", "properties"}:
            yield f"object {item.get('name')!r} has to have name, description and properties, and nothing else"
            continue
        yield from name("name of an object", item["name"])
        yield from text("description of an object", item["description"])
        if item["name"] in seen:
            yield f"object {item['name']!r} stands twice"
        seen.add(item["name"])
        for key, schema in item["properties"].items():
            yield from property_of(key, schema)


def namespace(definition):
    for key in NEEDED:
        if key not in definition:
            yield f"no {key}"
    for key, value in definition.items():
        if not isinstance(value, NAMESPACE.get(key, ())):
            yield f"key {key} is unknown or of a wrong type"
            return
    yield from name("namespace", definition.get("namespace"))
    yield from text("display_name", definition.get("display_name"), LONGEST_NAME)
    yield from text("description", definition.get("description"), LONGEST_DESCRIPTION)
    if definition.get("visibility") != "public" or definition.get("protected") is not True:
        yield "what is installed with the service is public and protected"
    if not any(definition.get(key) for key in ("properties", "objects", "tags")):
        yield "defines nothing"
    yield from associations(definition)
    for key, schema in definition.get("properties", {}).items():
        yield from property_of(key, schema)
    yield from objects(definition)
    for tag in definition.get("tags", []):
        yield from name("tag", tag.get("name"))


def full_names(definition):
    """Each thing that is defined, as (resource type, target, name with prefix)."""
    keys = [*definition.get("properties", {}), *(k for o in definition.get("objects", []) for k in o["properties"])]
    for association in definition["resource_type_associations"]:
        for key in keys:
            yield association["name"], association.get("properties_target"), association.get("prefix", "") + key


def check(folder):
    """Sentences about what is wrong."""
    homes, namespaces, count = {}, {}, 0
    for path in sorted(folder.iterdir()):
        written = path.read_text(encoding="utf-8")
        try:
            definition = json.loads(written, object_pairs_hook=without_doubles)
        except ValueError as error:
            yield f"{path.name}: {error}"
            continue
        wrong = list(namespace(definition))
        if not re.fullmatch(r"[a-z0-9-]+\.json", path.name):
            wrong.append("a file is named in small letters, with hyphens, and ends with .json")
        if written != json.dumps(definition, indent=2, ensure_ascii=False) + "\n":
            wrong.append("is not indented by two, as json.dumps would")
        yield from (f"{path.name}: {sentence}" for sentence in wrong)
        if wrong:
            continue
        if definition["namespace"] in namespaces:
            yield f"{path.name}: {definition['namespace']} is in {namespaces[definition['namespace']]} already"
        namespaces.setdefault(definition["namespace"], path.name)
        for full in full_names(definition):
            count += 1
            if full in homes:
                yield f"{path.name}: {full[2]} of {full[0]} is defined in {homes[full]} already"
            homes.setdefault(full, path.name)
    if not namespaces:
        yield f"{folder}: no definitions"
    print(f"{len(namespaces)} namespaces, {count} properties of resources")


if __name__ == "__main__":
    root = pathlib.Path(__file__).resolve().parent.parent
    found = list(check(pathlib.Path(sys.argv[1]) if sys.argv[1:] else root / "glance-core/definitions"))
    for sentence in found:
        print(sentence, file=sys.stderr)
    sys.exit(1 if found else 0)
