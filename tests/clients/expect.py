"""expect.py FILE NAME=VALUE...: fails unless the JSON object in FILE has these values.

A name with a dot leads into an object within. Values are compared as text.
"""

import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    found = json.load(file)
wrong = []
for pair in sys.argv[2:]:
    name, _, wanted = pair.partition("=")
    value = found
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if str(value) != wanted:
        wrong.append(f"{name}: expected {wanted!r}, found {value!r}")
if wrong:
    sys.exit("FAILED: " + "; ".join(wrong))
