"""The Python server's own view of a database, as JSON on standard output.

    database.py schema FILE       every table and index, apart from those of the Rust server
    database.py read CONF ID      the image and its members, through Glance's database layer
    database.py write CONF ID     changes the image through that layer; adds a second one
"""

import json
import sqlite3
import sys


def schema(path):
    """Definitions by name, with nothing left that only layout decides."""
    db = sqlite3.connect("file:%s?mode=ro" % path, uri=True)
    rows = db.execute("SELECT type, name, tbl_name, sql FROM sqlite_master")
    return {
        "%s %s" % (kind, name): " ".join(
            (sql or "").replace('"', "").replace("(", " ( ").replace(")", " ) ").replace(",", " , ").split()
        )
        for kind, name, table, sql in rows
        if not name.startswith("glance_rs_") and not table.startswith("glance_rs_")
    }


def layer(conf):
    from glance import context
    from glance.db.sqlalchemy import api
    from oslo_config import cfg

    cfg.CONF([], project="glance", default_config_files=[conf])
    return api, context.RequestContext(is_admin=True, project_id="admin")


def read(conf, image_id):
    api, context = layer(conf)
    image = api.image_get(context, image_id)
    listed = api.image_get_all(context, return_tag=True)
    return {
        "name": image["name"],
        "status": image["status"],
        "visibility": image["visibility"],
        "size": image["size"],
        "created_at": image["created_at"].isoformat(),
        "updated_at": image["updated_at"].isoformat(),
        "properties": {p["name"]: p["value"] for p in image["properties"] if not p["deleted"]},
        "locations": [[at["url"], at["metadata"], at["status"]] for at in image["locations"]],
        "tags": api.image_tag_get_all(context, image_id),
        "members": {m["member"]: m["status"] for m in api.image_member_find(context, image_id=image_id)},
        "listed": sorted(i["id"] for i in listed),
    }


def write(conf, image_id):
    api, context = layer(conf)
    api.image_update(context, image_id, {"name": "from python", "properties": {"ours": "kept", "theirs": "é"}}, purge_props=True)
    api.image_tag_create(context, image_id, "python")
    api.image_location_add(
        context, image_id, {"url": "file:///python", "metadata": {"store": "cheap", "note": "é"}, "status": "active"}
    )
    member = api.image_member_create(context, {"image_id": image_id, "member": "python"})
    api.image_member_update(context, member["id"], {"status": "accepted"})
    api.image_set_property_atomic(image_id, "os_glance_import_task", "lock")
    second = api.image_create(context, {"status": "queued", "visibility": "public", "owner": "python", "name": "second"})
    return {"second": second["id"]}


if __name__ == "__main__":
    action, arguments = sys.argv[1], sys.argv[2:]
    json.dump({"schema": schema, "read": read, "write": write}[action](*arguments), sys.stdout)
