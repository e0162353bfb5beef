#!/usr/bin/env python3
"""Moves image data with the store drivers of Python Glance, for tests that do the other half.

    stores.py CONFIG put ID FILE            prints the location
    stores.py CONFIG get LOCATION FILE      writes the data to FILE
    stores.py CONFIG size LOCATION          prints the number of bytes
    stores.py CONFIG delete LOCATION
    stores.py CONFIG share LOCATION WHO...  lets projects read the data, "*" everybody, and nobody else

CONFIG is a glance-api.conf with the options of one store in [glance_store]. With --caller FILE behind it, the call is that
of a user: FILE holds the JSON that Keystone answered a login with, and the token beside it, as `id`.
"""

import argparse
import json
import os

import glance_store
from oslo_config import cfg


def configured(path):
    conf = cfg.CONF
    glance_store.register_opts(conf)
    conf(["--config-file", path], project="glance")
    glance_store.create_stores(conf)
    glance_store.verify_default_store()
    return conf


def context_of(path):
    """The caller as the API hands it to drivers; None: nobody is asked for."""
    if path is None:
        return None
    from glance.context import RequestContext

    # Drivers get the catalogue in the form of Keystone's API v2, as the middleware puts it.
    from keystonemiddleware.auth_token._request import _normalize_catalog

    with open(path) as file:
        token = json.load(file)["token"]
    return RequestContext(
        auth_token=token["id"],
        user_id=token["user"]["id"],
        project_id=token["project"]["id"],
        roles=[role["name"] for role in token["roles"]],
        service_catalog=_normalize_catalog(token["catalog"]),
    )


def put(context, image, path):
    with open(path, "rb") as data:
        location, size, _, _, _ = glance_store.add_to_backend_with_multihash(
            cfg.CONF, image, data, os.path.getsize(path), "sha512", context=context
        )
    assert size == os.path.getsize(path), size
    print(location)


def get(context, location, path):
    chunks, _ = glance_store.get_from_backend(location, context=context)
    with open(path, "wb") as target:
        for chunk in chunks:
            target.write(chunk)


def size(context, location):
    print(glance_store.get_size_from_backend(location, context=context))


def delete(context, location):
    glance_store.delete_from_backend(location, context=context)


def share(context, location, *readers):
    public = "*" in readers
    glance_store.set_acls(location, public=public, read_tenants=[] if public else list(readers), context=context)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("config")
    parser.add_argument("--caller")
    parser.add_argument("action")
    parser.add_argument("arguments", nargs="*")
    asked = parser.parse_args()
    configured(asked.config)
    actions = {"put": put, "get": get, "size": size, "delete": delete, "share": share}
    actions[asked.action](context_of(asked.caller), *asked.arguments)
