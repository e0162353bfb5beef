"""Whether nothing but `glance_stores::outbound` opens connections.

`clippy.toml` forbids the calls that do; here, where that may be set aside, and which packages take theirs from the usual
libraries. What a dependency does by system calls of its own is seen by nobody but who reads it.
Prints what is wrong and fails.
"""

import json
import pathlib
import subprocess
import sys

# Where clippy is told otherwise, apart from tests.
PLACES = {
    "glance-stores/src/outbound/builder.rs",
    "glance-stores/src/outbound/connect.rs",
    "glance-stores/src/outbound/resolve.rs",
    # The name of the address to listen on.
    "glance-server/src/serve/listen.rs",
    # A test of its own.
    "glance-server/src/http/sendfile/cork.rs",
}
# What sockets come from, and who may build on it: all of them are given their connections by `outbound`. RBD's come
# from Ceph's own library, which the operator's configuration leads.
SOCKETS = {"mio", "socket2", "async-io", "polling", "curl-sys", "openssl-sys"}
HAVE_SOCKETS = {"tokio", "hyper-util"}


def places():
    for package in ("glance-core", "glance-stores", "glance-server"):
        for path in pathlib.Path(package, "src").rglob("*.rs"):
            if "tests" not in path.parts and "disallowed_methods" in path.read_text(encoding="utf-8"):
                yield str(path)


def users_of_sockets():
    command = ["cargo", "metadata", "--format-version", "1", "--all-features", "--filter-platform", "x86_64-unknown-linux-gnu"]
    metadata = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    names = {package["id"]: package["name"] for package in metadata["packages"]}
    normal = {
        node["id"]: [dep["pkg"] for dep in node["deps"] if any(kind["kind"] is None for kind in dep["dep_kinds"])]
        for node in metadata["resolve"]["nodes"]
    }
    reached, ahead = set(), [id for id, name in names.items() if name == "glance-server"]
    while ahead:
        package = ahead.pop()
        if package not in reached:
            reached.add(package)
            ahead += normal[package]
    return {names[package] for package in reached if any(names[used] in SOCKETS for used in normal[package])}


def main():
    found, users = set(places()), users_of_sockets()
    wrong = [f"{place} sets aside what clippy.toml forbids" for place in sorted(found - PLACES)]
    wrong += [f"{place} is named here and needs no exception" for place in sorted(PLACES - found)]
    wrong += [f"{package} has sockets of its own" for package in sorted(users - HAVE_SOCKETS)]
    wrong += [f"{package} is named here and has no sockets" for package in sorted(HAVE_SOCKETS - users)]
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"connections are opened in {len(found)} places, with the sockets of {len(users)} packages")


main()
