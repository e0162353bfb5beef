#!/usr/bin/env python3
"""Moves image data with the store drivers of Python Glance, for tests that do the other half.

    stores.py CONFIG put ID FILE        prints the location
    stores.py CONFIG get LOCATION FILE  writes the data to FILE
    stores.py CONFIG size LOCATION      prints the number of bytes
    stores.py CONFIG delete LOCATION

CONFIG is a glance-api.conf with the options of one store in [glance_store].
"""

import os
import sys

import glance_store
from oslo_config import cfg


def configured(path):
    conf = cfg.CONF
    glance_store.register_opts(conf)
    conf(["--config-file", path], project="glance")
    glance_store.create_stores(conf)
    glance_store.verify_default_store()
    return conf


def put(conf, image, path):
    with open(path, "rb") as data:
        location, size, _, _, _ = glance_store.add_to_backend_with_multihash(
            conf, image, data, os.path.getsize(path), "sha512"
        )
    assert size == os.path.getsize(path), size
    print(location)


def get(_, location, path):
    chunks, _ = glance_store.get_from_backend(location)
    with open(path, "wb") as target:
        for chunk in chunks:
            target.write(chunk)


def size(_, location):
    print(glance_store.get_size_from_backend(location))


def delete(_, location):
    glance_store.delete_from_backend(location)


if __name__ == "__main__":
    config, action, *arguments = sys.argv[1:]
    {"put": put, "get": get, "size": size, "delete": delete}[action](configured(config), *arguments)
