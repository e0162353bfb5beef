"""What the Keystone of the tests holds: users, projects, roles, services. Called by the script `keystone`.

    identity.py URL populate IMAGE_ENDPOINT    prints the id and the secret of an application credential
    identity.py URL register TYPE NAME URL
    identity.py URL token USER PROJECT
"""

import json
import sys
import urllib.request

DEFAULT = {"name": "Default"}
PASSWORDS = {"admin": "admin", "glance": "glance"}
SECRET = "application-secret"


class Identity:
    """The identity API as one user in one project sees it."""

    def __init__(self, url, user, project):
        self.url, self.token = url, None
        password = {"name": user, "password": PASSWORDS.get(user, "demo"), "domain": DEFAULT}
        scope = {"project": {"name": project, "domain": DEFAULT}}
        identity = {"methods": ["password"], "password": {"user": password}}
        headers, told = self.call("POST", "/auth/tokens", {"auth": {"identity": identity, "scope": scope}})
        self.token, self.user = headers["X-Subject-Token"], told["token"]["user"]["id"]

    def call(self, method, path, body=None):
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["X-Auth-Token"] = self.token
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
            return answer.headers, json.loads(text) if text else None

    def ensure(self, kind, name, **more):
        """The id of a thing of this name, made if there is none."""
        _, found = self.call("GET", f"/{kind}s?name={name}")
        if found[kind + "s"]:
            return found[kind + "s"][0]["id"]
        return self.call("POST", f"/{kind}s", {kind: {"name": name, **more}})[1][kind]["id"]

    def register(self, kind, name, url):
        service = self.ensure("service", name, type=kind)
        _, found = self.call("GET", f"/endpoints?service_id={service}")
        known = {endpoint["interface"]: endpoint["id"] for endpoint in found["endpoints"]}
        for interface in ("public", "internal", "admin"):
            endpoint = {"interface": interface, "service_id": service, "region_id": "RegionOne", "url": url}
            if interface in known:
                self.call("PATCH", f"/endpoints/{known[interface]}", {"endpoint": endpoint})
            else:
                self.call("POST", "/endpoints", {"endpoint": endpoint})


def populate(url, image_endpoint):
    identity = Identity(url, "admin", "admin")
    roles = {name: identity.ensure("role", name) for name in ("admin", "manager", "member", "reader", "service")}
    projects = {n: identity.ensure("project", n, domain_id="default") for n in ("service", "demo", "alt_demo")}

    def grant(user, project, role):
        password = PASSWORDS.get(user, "demo")
        user = identity.ensure("user", user, domain_id="default", password=password)
        identity.call("PUT", f"/projects/{projects[project]}/users/{user}/roles/{roles[role]}")

    grant("glance", "service", "admin")
    grant("glance", "service", "service")
    for name in ("demo", "alt_demo"):
        grant(name, name, "member")
        grant(name + "_reader", name, "reader")
        grant(name + "_manager", name, "manager")
    grant("trustor", "demo", "member")
    grant("admin", "demo", "admin")
    grant("admin", "service", "admin")
    identity.register("image", "glance", image_endpoint)
    glance = Identity(url, "glance", "service")
    made = glance.call(
        "POST",
        f"/users/{glance.user}/application_credentials",
        {"application_credential": {"name": "tests", "secret": SECRET}},
    )
    print(made[1]["application_credential"]["id"] + ":" + SECRET)


if __name__ == "__main__":
    url, command, *arguments = sys.argv[1:]
    if command == "populate":
        populate(url, *arguments)
    elif command == "register":
        Identity(url, "admin", "admin").register(*arguments)
    elif command == "token":
        print(Identity(url, *arguments).token)
    else:
        sys.exit(__doc__)
