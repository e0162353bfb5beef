"""As much of an identity service as the `openstack` client asks when it shares an image.

identity.py PORT: every project exists, and is called like its id.
"""

import http.server
import json
import sys


class Projects(http.server.BaseHTTPRequestHandler):
    """Answers the discovery of the API and the look-up of one project."""

    def do_GET(self):
        path = self.path.split("?")[0].rstrip("/")
        if path in ("", "/v3"):
            links = [{"rel": "self", "href": f"http://{self.headers['Host']}/v3/"}]
            version = {"id": "v3.14", "status": "stable", "links": links}
            body = {"version": version} if path else {"versions": {"values": [version]}}
        elif path.startswith("/v3/projects/"):
            name = path.rsplit("/", 1)[1]
            body = {"project": {"id": name, "name": name, "enabled": True, "domain_id": "default"}}
        else:
            self.send_error(404)
            return
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Projects).serve_forever()
