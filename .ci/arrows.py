"""Whether the dependencies point the way they should: server -> stores -> core, and core does no I/O.

Reads `cargo metadata`; prints what is wrong and fails.
"""

import json
import subprocess
import sys

# Which packages of the workspace each one may use.
ARROWS = {
    "glance-core": set(),
    "glance-stores": {"glance-core"},
    "glance-server": {"glance-core", "glance-stores"},
}
# What opens files, sockets or databases, or speaks HTTP.
IO = {
    "async-std", "axum", "clap", "curl", "diesel", "http", "http-body", "hyper", "hyper-util", "libsqlite3-sys", "mio",
    "object_store", "reqwest", "rusqlite", "rustix", "rustls", "signal-hook-registry", "socket2", "sqlx", "tempfile",
    "tower", "ureq",
}
# Tokio without these has no files, sockets, processes or signals.
TOKIO_IO = {"fs", "full", "io-std", "net", "process", "signal"}


def tree(*arguments):
    command = ["cargo", "tree", "--edges", "normal", "--prefix", "none", *arguments]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return [line for line in lines if line.strip()]


def main():
    wrong = []
    command = ["cargo", "metadata", "--format-version", "1", "--no-deps"]
    packages = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["packages"]
    ours = {package["name"] for package in packages}
    for package in packages:
        used = {d["name"] for d in package["dependencies"] if d["kind"] is None and d["name"] in ours}
        allowed = ARROWS.get(package["name"], ours)
        wrong += [f"{package['name']} depends on {name}" for name in sorted(used - allowed)]
    # The feature `conformance` is for tests of backends, which do have folders.
    core = tree("--package", "glance-core")
    names = {line.split()[0] for line in core}
    wrong += [f"glance-core reaches {name}" for name in sorted(names & IO)]
    # Features differ with what else is built; what counts is what core itself asks for.
    for package in packages:
        if package["name"] != "glance-core":
            continue
        for dependency in package["dependencies"]:
            if dependency["name"] == "tokio" and dependency["kind"] is None:
                asked = set(dependency["features"])
                wrong += [f"glance-core takes tokio/{name}" for name in sorted(asked & TOKIO_IO)]
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"the dependencies of {len(packages)} packages point the right way")


main()
