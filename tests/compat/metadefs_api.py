"""Python Glance's API for metadata definitions, in this process and without a socket, asked as administrator.

    metadefs_api.py show CONF CALLER      everything it shows CALLER of the database that CONF names, as JSON
    metadefs_api.py create CONF FILE...   creates a namespace of each file; what was refused, as JSON
"""

import json
import sys

from glance import context
from glance.api.v2 import router
from glance.common import wsgi
from oslo_config import cfg

import reading


def application(conf):
    cfg.CONF([], project="glance", default_config_files=[conf])
    return router.API(wsgi.APIMapper())


def ask(api, path, method="GET", body=None, caller="admin"):
    request = wsgi.Request.blank(path, method=method)
    project, roles = reading.CALLERS[caller]
    request.context = context.RequestContext(
        user_id=caller, project_id=project, roles=roles, is_admin="admin" in roles
    )
    if body is not None:
        request.body = json.dumps(body).encode()
        request.content_type = "application/json"
    response = request.get_response(api)
    return response.status_int, response.body.decode()


def show(conf, caller):
    api = application(conf)

    def get(path):
        status, body = ask(api, path, caller=caller)
        assert status == 200, (path, status, body)
        return json.loads(body)

    return reading.everything(get)


def create(conf, *files):
    api = application(conf)
    refused = {}
    for name in files:
        with open(name, encoding="utf-8") as file:
            status, body = ask(api, "/metadefs/namespaces", "POST", json.load(file))
        if status != 201:
            refused[name] = [status, body]
    return refused


if __name__ == "__main__":
    json.dump({"show": show, "create": create}[sys.argv[1]](*sys.argv[2:]), sys.stdout)
