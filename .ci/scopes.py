"""scopes.py FOLDER SCOPE: the callers that the comparison with Python Glance knows, as a file for its header styles,
with their project taken from those who own nothing in its matrix, and SCOPE, `domain` or `system`, put in its place.

FOLDER holds the comparison's tools. What is made for the others' sake stays with their projects: an image shared with
the project of a caller who now has none is shared with nobody who asks.
"""

import json
import sys

sys.path.insert(0, f"{sys.argv[1]}/diff")
from differ.core import IDENTITIES, Style  # noqa: E402

SCOPES = {
    "domain": {"X-Domain-Id": "domain-of-all", "X-Domain-Name": "Domain of all"},
    "system": {"OpenStack-System-Scope": "all"},
}
# Who makes the images that the others ask for, and who clears them away.
IN_PROJECTS = ["alice", "admin"]


def caller(name, style, scope):
    headers = style.headers(name)
    if IDENTITIES[name] and name not in IN_PROJECTS:
        headers = {key: value for key, value in headers.items() if key not in ("X-Project-Id", "X-Tenant-Id")} | scope
    return {"headers": headers, "project": style.project(name)}


style = Style("trusted")
print(json.dumps({name: caller(name, style, SCOPES[sys.argv[2]]) for name in IDENTITIES}))
