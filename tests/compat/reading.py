"""What a metadata definition service shows, and what its tables hold, so that two of them can be compared.

Times, numeric ids and the order in which files were read are left out: they are nobody's definition.
"""

import json
import sqlite3
from urllib.parse import quote, urlencode

TIMES = ("created_at", "updated_at")
# Whose eyes the answers are read with, by project and roles.
CALLERS = {"admin": ("admin", ["admin", "member", "reader"]), "reader": ("elsewhere", ["reader"])}


def without_times(document):
    if isinstance(document, dict):
        document = {key: without_times(value) for key, value in document.items() if key not in TIMES}
        # Python Glance asks for no order of objects: which it gets is the database's choice of an index. Tags it orders
        # by the time of each, and its loader takes the time anew for every row.
        for key in ("objects", "tags"):
            if isinstance(document.get(key), list):
                document[key] = by_name(document[key])
        return document
    if isinstance(document, list):
        return [without_times(value) for value in document]
    return document


def by_name(items):
    return sorted(items, key=lambda item: item["name"])


def namespace_documents(get, name):
    path = "/metadefs/namespaces/" + quote(name, safe="")
    associations = by_name(get(path + "/resource_types")["resource_type_associations"])
    shown = {
        "show": get(path),
        "resource_types": associations,
        "objects": get(path + "/objects"),
        "properties": get(path + "/properties"),
        "tags": by_name(get(path + "/tags")["tags"]),
    }
    shown["show"]["resource_type_associations"] = by_name(shown["show"].get("resource_type_associations", []))
    for association in associations:
        kind = association["name"]
        for_kind = get(path + "?" + urlencode({"resource_type": kind}))
        shown["for " + kind] = {key: for_kind.get(key) for key in ("properties", "objects")}
    # The list has them all; that one alone is shown the same way is seen in a few.
    for prop in list(shown["properties"]["properties"])[:2]:
        shown["property " + prop] = get(path + "/properties/" + quote(prop, safe=""))
    for item in shown["objects"]["objects"]:
        shown["object " + item["name"]] = get(path + "/objects/" + quote(item["name"], safe=""))
    return shown


def everything(get):
    """All documents of the service behind `get`, which takes a path below the version and gives a document."""
    listed, query = [], {"limit": 20, "sort_key": "namespace", "sort_dir": "asc"}
    # A hundred pages at most: a service whose pages do not end is wrong, too.
    for _ in range(100):
        page = get("/metadefs/namespaces?" + urlencode(query))["namespaces"]
        if not page:
            break
        listed += page
        query["marker"] = page[-1]["namespace"]
    for item in listed:
        item["resource_type_associations"] = by_name(item.get("resource_type_associations", []))
    shown = {
        "namespaces": listed,
        "resource_types": by_name(get("/metadefs/resource_types")["resource_types"]),
        "documents": {item["namespace"]: namespace_documents(get, item["namespace"]) for item in listed},
    }
    return without_times(shown)


# Tables whose rows belong to a namespace: columns, and what rows are ordered by before they are compared. The order of
# rows is nobody's definition: what is exported has names in their order.
TABLES = {
    "properties": ("t.name, t.json_schema, t.created_at IS NULL, t.updated_at IS NULL", "t.name"),
    "objects": (
        "t.name, t.json_schema, t.description, t.required, t.created_at IS NULL, t.updated_at IS NULL",
        "t.name",
    ),
    "tags": ("t.name, t.created_at IS NULL, t.updated_at IS NULL", "t.name"),
}


def rows(path):
    """The rows of the tables of definitions, keyed by names."""
    db = sqlite3.connect("file:%s?mode=ro" % path, uri=True)
    found = {
        "namespaces": db.execute(
            "SELECT namespace, display_name, description, visibility, protected, owner, created_at IS NULL,"
            " updated_at IS NULL FROM metadef_namespaces ORDER BY namespace"
        ).fetchall(),
        "resource_types": db.execute(
            "SELECT name, protected, created_at IS NULL, updated_at IS NULL FROM metadef_resource_types ORDER BY name"
        ).fetchall(),
        "associations": db.execute(
            "SELECT n.namespace, r.name, a.properties_target, a.prefix, a.created_at IS NULL, a.updated_at IS NULL"
            " FROM metadef_namespace_resource_types a JOIN metadef_namespaces n ON n.id = a.namespace_id"
            " JOIN metadef_resource_types r ON r.id = a.resource_type_id ORDER BY 1, 2"
        ).fetchall(),
    }
    for table, (columns, order) in TABLES.items():
        found[table] = {}
        for namespace, *row in db.execute(
            f"SELECT n.namespace, {columns} FROM metadef_{table} t"
            f" JOIN metadef_namespaces n ON n.id = t.namespace_id ORDER BY {order}"
        ):
            if table != "tags":
                # How the text is spaced is no matter. An object without properties is null there (and breaks their API).
                row[1] = json.loads(row[1]) or {}
            found[table].setdefault(namespace, []).append(row)
    return found


def differences(one, other, where=""):
    """Where two documents differ, as paths with what stands there; the order of keys counts for nothing."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            if key not in one or key not in other:
                yield "%s/%s: only in %s" % (where, key, "the first" if key in one else "the second")
            else:
                yield from differences(one[key], other[key], "%s/%s" % (where, key))
    elif isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)) and len(one) == len(other):
        for index, pair in enumerate(zip(one, other)):
            yield from differences(*pair, "%s/%d" % (where, index))
    elif one != other or type(one) is not type(other):
        yield "%s: %.200r and %.200r" % (where, one, other)
