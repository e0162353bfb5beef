"""differences.py REPORT: judges a report of the comparison with Python Glance.

Fails if an answer differs in a way that no rule below speaks of; prints how often each rule was used, so that
one that is no longer needed is seen. A rule goes when the part it stands for is built.
"""

import collections
import json
import re
import sys

# (why, request, difference): regular expressions, to be found in `scenario[step] caller METHOD path` and in what differs.
RULES = [
    # Not built yet.
    ("import is not built yet", r" /v2/images/[^ ]*/(stage|import|tasks)\b|/v2/tasks", r""),
    ("the new location API is not built yet", r" /v2/images/[^ ]*/locations", r""),
    ("the image cache is not built yet", r" /v2/(cache|cached_images|queued_images)", r""),
    ("versions of parts that are not built are not announced", r"^(versions|smoke)", r":/versions|status: ref 200 \| sut 300"),
    # On purpose.
    ("a download says how long it is", r" GET /v2/images/[^ ]*/file", r"^header:content-length: ref null"),
    ("a store that is preferred but unknown is told", r" /v2/images/[^ ]*/file\?prefer=", r""),
    ("chunks have another size where none is configured", r" /v2/info/stores/detail", r"chunk_size"),
    ("links keep all values of a repeated parameter", r" /v2/images\?", r"^value:/(first|next)"),
    ("of a repeated filter, each value counts", r" /v2/images\?visibility=public&visibility=private", r""),
    ("pages go on where an image has no value to sort by", r"^list-paging\[(33|34|45|46|62)\]", r""),
    ("a key that stands twice in a JSON body is refused, a chunked body is not", r"^error-formats\[(37|40|45)\]", r""),
    ("whole numbers are written as such", r"^(create|patch)-ok", r"ref 1.0 \| sut 1$"),
    ("an owner that is empty is no owner", r"^create-ok", r"owner: ref  \| sut null"),
    ("tags that repeat count once, so such an image is created", r"^create-ok\[(5[12]|end)\]", r""),
    ("properties named like attributes were added before, and count", r"^patch-bad\[1(28|29|30|31|32)\]", r"sut 413"),
    ("a namespace without a name is associated as it was", r"metadefs/namespaces", r"resource_type_associations: ref \[.*sut null"),
    ("a namespace without a name marks a page", r"^md-list\[15\] ", r"^status: ref 404 \| sut 200$"),
    ("and is what the next page begins behind", r"^md-list\[22\] ", r"^value:/next: ref  \| sut .*marker=$"),
    ("a marker that is hidden is not there", r"^md-list\[34\] ", r"status: ref 403 \| sut 404"),
    ("a tag whose name no column holds is refused", r"^md-tags\[18\]", r"^status: ref 201 \| sut 400$|^header:content-type"),
    ("so it replaced no other tags: they are listed", r"^md-tags\[(21|22|30)\]", r"^[a-z]+:/tags"),
    ("and found", r"^md-tags\[(26|36|37|45|48)\]", r"^status: ref 404 \| sut (20[04]|403|409)$|^header:content-type"),
    ("texts for people are our own", r" /healthcheck ", r"^body"),
    ("the tester's cross-origin rules are not found by the reference", r"'Origin'", r"^header:(access-control|vary)"),
]
STEPS_SHOWN = 40


def accepted(request, difference):
    for number, (_, of_request, of_difference) in enumerate(RULES):
        if re.search(of_request, request) and re.search(of_difference, difference):
            return number
    return None


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        report = json.load(file)
    used, wrong = collections.Counter(), []
    for result in report["results"]:
        if result["verdict"] != "DIFFERENT":
            continue
        request = f"{result['scenario']}[{result['index']}] {result['request']}"
        found = [(difference, accepted(request, difference)) for difference in result["differences"]]
        used.update(rule for _, rule in found if rule is not None)
        if unexplained := [difference for difference, rule in found if rule is None]:
            wrong.append("\n    ".join([request[:160], *(difference[:200] for difference in unexplained[:4])]))
    for number, (why, *_) in enumerate(RULES):
        print(f"{used[number]:5} accepted: {why}")
    if wrong:
        print("\n".join(wrong[:STEPS_SHOWN]))
        sys.exit(f"{len(wrong)} answers differ in a way that nothing explains")
    print(f"{report['requests']} requests to both servers, no difference that nothing explains")


main()
