"""Do the two loaders make the same of definition files, and do both APIs show it alike?

    metadefs.py SERVER DEFINITIONS      with the Python of an environment that has Glance

SERVER is our program, DEFINITIONS the folder with the starter set. The files that the package `glance` ships are loaded by
Python's glance-manage into one database and by ours into another, into an empty one and over older definitions, in every
mode; rows and answers are compared. Then the way back: what one exports, the other loads.
"""

import glob
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import reading

HERE = pathlib.Path(__file__).resolve().parent
MODES = {
    "plain": [],
    "merge": ["--merge"],
    "merge, prefer_new": ["--merge", "--prefer_new"],
    "merge, overwrite": ["--merge", "--overwrite"],
}
CONTRADICTIONS = {
    "prefer_new alone": ["--prefer_new"],
    "overwrite alone": ["--overwrite"],
    "all": ["--merge", "--prefer_new", "--overwrite"],
}
# What the shipped files have none of.
ODD = {
    "namespace": "Odd::Things",
    "display_name": "Odd things",
    "description": "日本語",
    "visibility": "private",
    "protected": False,
    "owner": "somebody",
    "unknown": {"key": 1},
    "resource_type_associations": [{"name": "Odd::Type", "prefix": "a b:", "properties_target": "x"}],
    "properties": {
        "of nothing": {"title": "Größe", "type": "number", "minimum": -3, "default": -1},
        "list": {"title": "List", "type": "array", "items": {"type": "string", "enum": ["a", "b"]}, "uniqueItems": True},
        "switch": {"title": "Switch", "type": "boolean", "default": True, "confidential": False},
    },
    "objects": [{"name": "thing", "properties": {"p": {"title": "P", "type": "string", "operators": ["<or>"]}}}],
    "tags": [{"name": "kept"}, {"name": "new"}],
}


def run(*command, environment=None):
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **(environment or {})})
    if done.returncode:
        sys.exit("failed: %s\n%s%s" % (" ".join(map(str, command)), done.stdout[-3000:], done.stderr[-3000:]))
    return done.stdout


class Database:
    """A folder with a configuration and a database, which both servers understand."""

    def __init__(self, folder, copy_of=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        self.file = self.folder / "glance.db"
        self.conf = self.folder / "glance-api.conf"
        self.conf.write_text(
            f"[DEFAULT]\nenabled_backends = disk:file\nlog_file = {self.folder}/log\n"
            f"[database]\nconnection = sqlite:///{self.file}\n[glance_store]\ndefault_backend = disk\n"
            f"[disk]\nfilesystem_store_datadir = {self.folder}/images\n[oslo_concurrency]\nlock_path = {self.folder}\n"
            f"[glance_rs]\ndata_dir = {self.folder}\nauth_mode = fake\n"
        )
        if copy_of:
            shutil.copy(copy_of.file, self.file)

    def rows(self):
        return reading.rows(self.file)


class Python:
    """Python Glance of the environment this runs in."""

    name = "Python"

    def manage(self, database, *words):
        manage = pathlib.Path(sys.executable).with_name("glance-manage")
        return run(manage, "--config-file", database.conf, *words)

    def shown(self, database, caller):
        return json.loads(run(sys.executable, HERE / "metadefs_api.py", "show", database.conf, caller))

    def refused(self, database, files):
        return json.loads(run(sys.executable, HERE / "metadefs_api.py", "create", database.conf, *files))


class Ours:
    """The program under test."""

    name = "ours"

    def __init__(self, program):
        self.program = program

    def manage(self, database, category, action, *words):
        return run(self.program, category, action, "--config-file", database.conf, *words)

    def shown(self, database, caller):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        with open(database.folder / "server.log", "wb") as log:
            command = [self.program, "api", "--config-file", database.conf, "--bind", f"127.0.0.1:{port}"]
            server = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            self.wait(server, port)
            return reading.everything(lambda path: self.get(port, path, caller))
        finally:
            server.terminate()
            server.wait(60)

    @staticmethod
    def wait(server, port):
        for _ in range(300):
            try:
                return socket.create_connection(("127.0.0.1", port)).close()
            except OSError:
                if server.poll() is not None:
                    break
                time.sleep(0.1)
        sys.exit("our server does not answer")

    @staticmethod
    def get(port, path, caller):
        project, roles = reading.CALLERS[caller]
        token = {"X-Auth-Token": f"{caller}:{project}:{','.join(roles)}"}
        request = urllib.request.Request(f"http://127.0.0.1:{port}/v2{path}", headers=token)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            sys.exit(f"ours: {path}: {error.code} {error.read()[:300]}")


def older(definition, index):
    """An earlier state of a definition, so that every mode has something to keep, to replace and to add."""
    old = json.loads(json.dumps(definition))
    old["display_name"] = "Old " + str(old.get("display_name"))
    old["description"] = "As it was."
    if index % 3 == 0:
        old.update(visibility="private", protected=False, owner="somebody")
    associations = old.setdefault("resource_type_associations", [])
    for association in associations[:1]:
        association.update(prefix="old_", properties_target="old")
    del associations[1:2]
    associations.append({"name": "Old::Type"})
    properties = old.setdefault("properties", {})
    for name in list(properties)[::2]:
        del properties[name]
    for schema in properties.values():
        schema["title"] = "Old " + schema["title"]
    properties["of_yesterday"] = {"title": "Of yesterday", "type": "string"}
    objects = old.setdefault("objects", [])
    del objects[:1]
    for item in objects:
        item.update(description="As it was.", properties={"old": {"title": "Old", "type": "string"}})
    objects.append({"name": "thing of yesterday", "properties": {}})
    old["tags"] = [{"name": "kept"}, {"name": "old"}]
    return old


def folders(root, shipped):
    """The shipped files with odd ones among them, and older ones for most of them."""
    new, old = root / "new", root / "old"
    new.mkdir()
    old.mkdir()
    definitions = {pathlib.Path(name).name: json.loads(pathlib.Path(name).read_text()) for name in shipped}
    definitions["odd.json"] = ODD
    for index, (name, definition) in enumerate(sorted(definitions.items())):
        (new / name).write_text(json.dumps(definition))
        if index % 5:
            (old / name).write_text(json.dumps(older(definition, index)))
    # Both step over these.
    (new / "broken.json").write_text('{"namespace": ')
    (new / "README").write_text("no definition")
    return new, old


class Comparison:
    def __init__(self, root, ours):
        self.root, self.python, self.ours, self.count = root, Python(), ours, 0
        self.empty = Database(root / "empty")
        self.python.manage(self.empty, "db", "sync")

    def database(self, copy_of=None):
        self.count += 1
        return Database(self.root / f"database-{self.count}", copy_of or self.empty)

    @staticmethod
    def equal(what, one, other):
        found = list(reading.differences(one, other))
        if found:
            sys.exit("%s:\n  %s" % (what, "\n  ".join(found[:20])))

    def load(self, side, folder, flags=(), start=None):
        database = self.database(start)
        side.manage(database, "db", "load_metadefs", "--path", folder, *flags)
        return database

    def loaders(self, what, folder, flags=(), start=None):
        """Rows after either loader, and what either API shows of them. Gives the database of ours."""
        theirs, own = (self.load(side, folder, flags, start) for side in (self.python, self.ours))
        self.equal(f"{what}: rows, of Python and of ours", theirs.rows(), own.rows())
        # The rows being equal, each may show its own.
        counts = []
        for caller in reading.CALLERS:
            shown = self.python.shown(theirs, caller)
            self.equal(f"{what}: answers to {caller}, of Python and of ours", shown, self.ours.shown(own, caller))
            counts.append(len(shown["namespaces"]))
        properties = sum(len(rows) for rows in own.rows()["properties"].values())
        everything, public = counts
        print(f"  {what}: {everything} namespaces, {public} of them public, {properties} properties, rows and answers are equal")
        return own

    def nothing(self, what, folder, flags, start):
        for side in (self.python, self.ours):
            database = self.load(side, folder, flags, start)
            self.equal(f"{what}: rows before and after, {side.name}", start.rows(), database.rows())
        print(f"  {what}: neither does anything")

    def exported(self, what, database):
        """What ours exports is the same definitions to either loader."""
        folder = self.root / f"export-{self.count}"
        folder.mkdir()
        self.ours.manage(database, "db", "export_metadefs", "--path", f"{folder}/")
        for side in (self.python, self.ours):
            back = self.load(side, folder)
            before, after = (self.by_name(rows.rows()) for rows in (database, back))
            self.equal(f"{what}, exported and loaded by {side.name}", before, after)
        print(f"  {what}: exported, and loaded by both")

    @staticmethod
    def by_name(rows):
        """Exports list objects by their names, whatever order they were recorded in."""
        return {**rows, "objects": {namespace: sorted(items) for namespace, items in rows["objects"].items()}}

    def unloaded(self, database):
        self.ours.manage(database, "db", "unload_metadefs")
        self.equal("after unload_metadefs", self.empty.rows(), database.rows())
        print("  unloaded")


def main(program, definitions):
    shipped = glob.glob(os.path.join(sys.prefix, "etc/glance/metadefs/*.json"))
    if not shipped:
        sys.exit("the package glance of this environment ships no definitions")
    with tempfile.TemporaryDirectory() as temporary:
        root = pathlib.Path(temporary)
        new, old = folders(root, shipped)
        comparison = Comparison(root, Ours(program))
        fresh = comparison.loaders("into an empty database", new)
        before = comparison.load(comparison.python, old)
        for mode, flags in MODES.items():
            comparison.loaders(f"over older definitions, {mode}", new, flags, before)
        for mode, flags in CONTRADICTIONS.items():
            comparison.nothing(f"over older definitions, {mode}", new, flags, before)
        comparison.exported("the shipped files", fresh)
        starter = comparison.loaders("the starter set", definitions)
        built_in = comparison.database()
        comparison.ours.manage(built_in, "db", "load_metadefs", "--starter")
        comparison.equal("the starter set, from its files and from the program", starter.rows(), built_in.rows())
        comparison.exported("the starter set", starter)
        files = sorted(glob.glob(os.path.join(definitions, "*.json")))
        comparison.equal("the starter set, refused by Python's API", {}, comparison.python.refused(comparison.database(), files))
        comparison.unloaded(starter)


if __name__ == "__main__":
    main(*sys.argv[1:])
