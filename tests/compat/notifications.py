#!/usr/bin/env python3
"""Do listeners of oslo.messaging understand what this server says, and is it what Python Glance says?

    notifications.py SERVER TRANSPORT_URL

SERVER runs on loopback with a database and a folder of its own, once for each driver; a NotificationListener hears what
clients cause. The keys of every payload are compared with those that Python Glance's formatters make.
"""

import json
import logging
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import time
import types
import urllib.request
import uuid

import oslo_messaging
from oslo_config import cfg

SECONDS = 60


class Listener:
    """Keeps what it hears."""

    def __init__(self, url, topic):
        conf = cfg.ConfigOpts()
        conf([], project="listener")
        transport = oslo_messaging.get_notification_transport(conf, url=url)
        targets = [oslo_messaging.Target(topic=topic, exchange="glance")]
        self.heard = []
        self.changed = threading.Condition()
        self.listener = oslo_messaging.get_notification_listener(transport, targets, [self], executor="threading")
        self.listener.start()

    def keep(self, priority, context, publisher, event, payload, metadata):
        with self.changed:
            self.heard.append((priority, event, payload, publisher, metadata, context))
            self.changed.notify()

    def info(self, *what):
        self.keep("info", *what)

    def error(self, *what):
        self.keep("error", *what)

    def wait(self, count):
        with self.changed:
            done = self.changed.wait_for(lambda: len(self.heard) >= count, SECONDS)
            assert done, [event[:2] for event in self.heard]
            return list(self.heard)

    def stop(self):
        self.listener.stop()
        self.listener.wait()


class Server:
    def __init__(self, program, folder, url, topic, driver):
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            self.port = one.getsockname()[1]
        folder = pathlib.Path(folder)
        conf = folder / "glance-api.conf"
        conf.write_text(
            f"""
[DEFAULT]
bind_host = 127.0.0.1
bind_port = {self.port}
default_publisher_id = image.here
disabled_notifications = metadef_tag
transport_url = {url}
[oslo_messaging_notifications]
driver = {driver}
driver = log
topics = {topic}
[database]
connection = sqlite:///{folder}/glance.db
[glance_store]
filesystem_store_datadir = {folder}/images
[glance_rs]
auth_mode = none
"""
        )
        self.log = folder / "log"
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen([program, "api", "--config-file", conf], stdout=log, stderr=log)
        for _ in range(300):
            try:
                return socket.create_connection(("127.0.0.1", self.port)).close()
            except OSError:
                assert self.process.poll() is None, self.log.read_text()
                time.sleep(0.1)
        sys.exit("the server does not listen")

    def ask(self, method, path, body=None, kind="application/json", **headers):
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        headers["Content-Type"] = kind
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/v2/{path}", body, headers, method=method)
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return answer.read()

    def stop(self):
        self.process.terminate()
        assert self.process.wait(SECONDS) == 0, self.log.read_text()


def live(server):
    """What a client does."""
    new = {"name": "n", "disk_format": "raw", "container_format": "bare", "colour": "r\u00f8d", "a_password": "canary"}
    image = json.loads(server.ask("POST", "images", new))["id"]
    server.ask("PUT", f"images/{image}/file", b"x" * 100000, "application/octet-stream")
    server.ask("GET", f"images/{image}/file")
    server.ask("GET", f"images/{image}/file", Range="bytes=10-19")
    server.ask("POST", f"images/{image}/members", {"member": "p"})
    server.ask("DELETE", f"images/{image}/members/p")
    whole = {
        "namespace": "n",
        "resource_type_associations": [{"name": "R"}],
        "properties": {"p": {"title": "t", "type": "string"}},
        "objects": [{"name": "o", "properties": {"q": {"title": "t", "type": "string"}}}],
        "tags": [{"name": "t"}],
    }
    server.ask("POST", "metadefs/namespaces", whole)
    server.ask("DELETE", "metadefs/namespaces/n")
    server.ask("DELETE", f"images/{image}")
    return image


EXPECTED = [
    "image.create",
    "image.update",
    "image.prepare",
    "image.upload",
    "image.activate",
    "image.update",
    "image.send",
    "image.send",
    "image.member.create",
    "image.member.delete",
    "metadef_namespace.create",
    "metadef_resource_type.create",
    "metadef_object.create",
    "metadef_property.create",
    "metadef_namespace.delete",
    "image.delete",
]


class Anything:
    """Has every attribute."""

    schema = {}
    extra_properties = {}
    tags = []
    created_at = updated_at = None

    def __init__(self, **known):
        self.__dict__.update(known)

    def __getattr__(self, _):
        return None


def keys_of_glance():
    """The keys that Python Glance's formatters make, by kinds of events."""
    from glance import notifier

    image = set(notifier.format_image_notification(Anything()))
    lists = {"os_glance_importing_to_stores", "os_glance_failed_import"}
    sent = notifier.ImageProxy._format_image_send(types.SimpleNamespace(repo=Anything(), context=Anything()), 0)
    thing = Anything(properties={"q": Anything()})
    return {
        "image": image,
        "image.prepare": image | lists,
        "image.upload": image | lists,
        "image.send": set(sent),
        "image.member": set(notifier.format_image_member_notification(Anything())),
        "metadef_namespace": set(notifier.format_metadef_namespace_notification(Anything())),
        "metadef_resource_type": set(notifier.format_metadef_resource_type_notification(Anything())),
        "metadef_object": set(notifier.format_metadef_object_notification(thing)),
        "metadef_object.properties": set(notifier.format_metadef_object_notification(thing)["properties"][0]),
        "metadef_property": set(notifier.format_metadef_property_notification(Anything())),
    }


def compare(heard, known):
    for _, event, payload, *_ in heard:
        group = event.rsplit(".", 1)[0]
        expected = known.get(event) or known[group]
        assert set(payload) == expected, (event, set(payload) ^ expected)
        if group == "metadef_object":
            assert set(payload["properties"][0]) == known["metadef_object.properties"], payload


def check(driver, program, url, known):
    topic = f"notifications-{uuid.uuid4()}"
    with tempfile.TemporaryDirectory() as folder:
        server = Server(program, folder, url, topic, driver)
        # Before anybody listens for the first time.
        image = live(server)
        listener = Listener(url, topic)
        heard = listener.wait(len(EXPECTED))
        assert [event for _, event, *_ in heard] == EXPECTED, [event[:2] for event in heard]
        compare(heard, known)
        sizes = [payload["bytes_sent"] for _, event, payload, *_ in heard if event == "image.send"]
        assert sizes == [100000, 10], sizes
        assert all(publisher == "image.here" for _, _, _, publisher, *_ in heard)
        assert all(set(metadata) == {"message_id", "timestamp"} for *_, metadata, _ in heard), heard[0]
        assert heard[0][2]["properties"] == {"colour": "r\u00f8d", "a_password": "canary"}, heard[0][2]
        assert heard[-1][2]["id"] == image and heard[-1][2]["deleted"], heard[-1]
        # While somebody listens, and with nothing left behind when the server ends.
        live(server)
        server.stop()
        heard = listener.wait(2 * len(EXPECTED))
        assert [event for _, event, *_ in heard] == EXPECTED * 2, [event[:2] for event in heard]
        listener.stop()
        log = server.log.read_text()
        assert log.count('"event_type":"image.create"') == 2, log
        assert "canary" not in log, log
        assert all(priority == "info" for priority, *_ in heard)
        for name in ("images", "glance.db"):
            assert os.path.exists(os.path.join(folder, name))
    print(f"{driver}: {len(heard)} notifications heard")


def main(program, url):
    logging.basicConfig(level=logging.WARNING)
    known = keys_of_glance()
    for driver in ("messaging", "messagingv2"):
        check(driver, program, url, known)


if __name__ == "__main__":
    main(*sys.argv[1:])
