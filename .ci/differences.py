"""differences.py [--random | --complete] REPORT: judges a report of the comparison with Python Glance, of scenarios or of
random requests.

Fails if an answer differs in a way that no rule below speaks of, or is as the reference's where the specification
wants a better one; prints how often each rule was used. Of a complete report, a rule that nothing needed is a failure,
too: it goes when the part it stands for is built.
"""

import collections
import json
import re
import sys

# How a request is answered whose route is not there.
NOT_BUILT = r"^status: ref \d+ \| sut (404|501)\b|^header:allow: .* \| sut null|^header:content-type: "
# (why, request, difference): regular expressions, to be found in `scenario[step] caller METHOD path` and in what differs.
# In brackets: the file and the section of the specification, or of the design, that wants this answer. Where none does,
# the line above says why it is as it is.
RULES = [
    # Not built yet.
    ("import is not built yet", r" /v2/images/[^ ]*/(stage|import|tasks)\b|/v2/tasks", NOT_BUILT),
    ("the image cache is not built yet", r" /v2/(cache|cached_images|queued_images)", NOT_BUILT),
    ("nor is a copy there that an import would have made", r"^store-delete\[(17|25|end)\] ",
     r"^(length|value|missing):(state/[a-z]+ image [^ /]+|)/(locations|stores|direct_url|os_glance_(failed_import|importing_to_stores))\b"),
    ("so the only one is not removed", r"^store-delete\[2[04]\] admin DELETE ", r"^status: ref [24]04 \| sut 403$|^header:content-type"),
    # The specification wants it so.
    ("links keep all values of a repeated parameter (images.md §3.4)", r"^list-filters\[142\] ",
     r"^value:/first: ref /v2/images\?visibility=private \| sut /v2/images\?visibility=public&visibility=private$"),
    ("of a repeated visibility the last one counts, and finds what it finds alone (images.md §3.4)", r"^list-filters\[142\] ",
     r"^length:/images: ref \[\] \| sut \["),
    ("pages go on where an image has no value to sort by (database.md §7.4)", r"^list-paging\[(33|62)\] ",
     r"^length:/images: ref \[\] \| sut \[|^extra:/next: ref null "),
    ("so there is another page (database.md §7.4)", r"^list-paging\[34\] ", r"^status: ref 300 \| sut 200$"),
    ("which the reference begins again from the first (database.md §7.4)", r"^list-paging\[4[56]\] ",
     r"^(value|type):/(images/[01]/[a-z_]+|next): "),
    ("a key that stands twice in a JSON body is refused (hardening.md, JSON)", r"^error-formats\[37\] ",
     r"^status: ref 201 \| sut 400$|^header:(location|openstack-image-[a-z-]+): ref .* \| sut null$"),
    # The reference reads it as well (its `has_body`), but uWSGI, as the tester starts it, hands it nothing.
    ("a chunked JSON body is read", r"^error-formats\[40\] ",
     r"^status: ref 400 \| sut 201$|^header:(location|openstack-image-[a-z-]+): ref null "),
    ("so the one image is listed and the other is not (hardening.md, JSON)", r"^error-formats\[45\] ",
     r"^value:/images/\d/(file|id|name|self): "),
    ("properties named like attributes were added before, and count (images.md §5.6, Q04)", r"^patch-bad\[1(28|29|30|31|32)\] ",
     r"^status: ref (200|404|500) \| sut 413$"),
    ("a namespace shows associations of its own alone, also one without a name (metadefs.md §5.1)",
     r"^(md-namespaces\[69|md-list\[(13|16|19|22|28|29|30)|matrix-global\[86)\] admin GET /v2/metadefs/namespaces\b",
     r"^missing:/namespaces/\d/resource_type_associations: ref \[.*sut null"),
    ("a namespace without a name marks a page (metadefs.md §5.1)", r"^md-list\[15\] ", r"^status: ref 404 \| sut 200$"),
    ("and is what the next page begins behind (metadefs.md §5.1)", r"^md-list\[22\] ", r"^value:/next: ref  \| sut .*marker=$"),
    ("a marker that is hidden is not there (metadefs.md §5.1)", r"^md-list\[34\] ", r"^status: ref 403 \| sut 404$"),
    ("a tag whose name no column holds is refused (metadefs.md §1)", r"^md-tags\[18\] ", r"^status: ref 201 \| sut 400$|^header:content-type"),
    ("so it replaced no other tags: they are listed (metadefs.md §1)", r"^md-tags\[(21|22|30)\] ", r"^length:/tags: ref \[\"n+\"\] "),
    ("and found (metadefs.md §1)", r"^md-tags\[(26|36|37|45|48)\] ", r"^status: ref 404 \| sut (20[04]|403|409)$|^header:content-type"),
    ("no task holds an image whose location is refused at once (members-tags-locations.md §4)", r"^locations-new\[55\] ",
     r"^missing:/os_glance_import_task: "),
    ("services see the locations of every image (members-tags-locations.md §4, Q18)",
     r"^matrix-(priv|sh)\[15[78]\] svcr? GET /v2/images/[^ ]*/locations$", r"^status: ref 404 \| sut 200$"),
    # There the reference announces the one length, sends the other, and breaks off. The digest is that of the error, so that
    # no other 503 passes.
    ("data of another length is not given out as the image's (DESIGN.md §9)", r"^locations-old\[end\] ",
     r"^value:state/data [^ ]+(/0: ref 200 \| sut 503|/1: .* sut 2405712ca7230f8f24840f4a52953b51)$"),
    # The page is oslo.middleware's own text, which is not copied.
    ("texts for people are our own (spec/README.md, message gist)", r"^versions\[43\] none GET /healthcheck ", r"(?s)^body: ref 239 bytes <HTML>.* \| sut 96 bytes <html>"),
    # It looks for them in the folders of a server that is installed, not where the tester has them.
    ("the tester's cross-origin rules are not found by the reference (config.md §4)", r"^routing\[(8|9|10|11)\] .*'Origin'",
     r"^header:(access-control-allow-(origin|methods)|vary): ref null \| sut (https://dashboard.test|GET|Origin)$"),
]
# (why, request, fault and answer): taken for a fault that was kept, and is none: it is refused for another reason, as it should be.
NO_FAULTS = [
    ("what is refused has no links to pages", r" GET /v2/images\?", r"^Q06\.\d+ 40[013] "),
    ("who may not list images is told so, whatever marks the page (errors.md §3.2)", r" GET /v2/images\?.*marker=",
     r"^Q23\.\d+ 403 .*not authorized to complete get_images"),
]
# What random requests may meet.
RANDOM_RULES = [
    # There the reference begins again from the first page, for ever: on SQLite, no number is less than the empty text.
    ("pages go on where an image has no value to sort by (database.md §7.4)",
     r" GET /v2/images\?(?=.*marker=)(?=.*sort(_key)?=[^&]*size)",
     r"^(length|value|type|extra|missing):/(images|next|first)\b|^status: ref [345]\d\d \| sut 200$|^header:content-type"),
    # Data of no length, and a location with data: the reference announces the one, sends the other, and breaks off.
    ("data that the reference breaks off is served (image-data.md §2.4, Q10)", r" GET /v2/images/[^ ]*/file", r"^fault: ref short body|^body: ref 0 bytes"),
    ("and is there at the end (image-data.md §2.4, Q10)", r"\[(end|\d+\+)\] state after",
     r"^value:state/data .*: ref d41d8cd98f00b204e9800998ecf8427e "),
    ("data of another length is not given out as the image's (DESIGN.md §9)", r" GET /v2/images/[^ ]*/file",
     r" 503 .*of another length than the image's"),
    # The digest is that of the error, so that no other 503 passes.
    ("nor at the end (DESIGN.md §9)", r"\[(end|\d+\+)\] state after",
     r"^value:state/data [^ ]+(/0: ref 200 \| sut 503|/1: .* sut 2405712ca7230f8f24840f4a52953b51)$"),
    ("a marker that is hidden is not there (metadefs.md §5.1)", r" GET /v2/metadefs/namespaces\?.*marker=", r"status: ref 403 \| sut 404"),
]
STEPS_SHOWN = 40


def accepted(rules, request, difference):
    for number, (_, of_request, of_difference) in enumerate(rules):
        if re.search(of_request, request) and re.search(of_difference, difference):
            return number
    return None


def explained(result):
    """What differs; where this server failed, with what it said, so that a rule can speak of the reason."""
    answer = result.get("sut") or {}
    if answer.get("status", 0) < 500:
        return result["differences"]
    return [f"{difference} because {answer['status']} {answer.get('body')}" for difference in result["differences"]]


def is_no_fault(request, result):
    said = f"{result['rule']} {result['sut']['status']} {result['sut']['body']}"
    return any(re.search(of_request, request) and re.search(of_answer, said) for _, of_request, of_answer in NO_FAULTS)


def main():
    rules = RANDOM_RULES if sys.argv[1] == "--random" else RULES
    complete = sys.argv[1] == "--complete"
    with open(sys.argv[-1], encoding="utf-8") as file:
        report = json.load(file)
    used, wrong = collections.Counter(), []
    for result in report["results"]:
        request = f"{result['scenario']}[{result['index']}] {result['request']}"
        if result["verdict"] == "kept" and not is_no_fault(request, result):
            wrong.append(f"{request[:160]}\n    kept a fault of the reference: {result['rule']}")
        if result["verdict"] != "DIFFERENT":
            continue
        found = [(difference, accepted(rules, request, difference)) for difference in explained(result)]
        used.update(rule for _, rule in found if rule is not None)
        if unexplained := [difference for difference, rule in found if rule is None]:
            wrong.append("\n    ".join([request[:160], *(difference[:200] for difference in unexplained[:4])]))
    for number, (why, *_) in enumerate(rules):
        print(f"{used[number]:5} accepted: {why}")
        if complete and not used[number]:
            wrong.append(f"nothing needs to be accepted any more because: {why}")
    if wrong:
        print("\n".join(wrong[:STEPS_SHOWN]))
        sys.exit(f"{len(wrong)} answers differ in a way that nothing explains")
    print(f"{report['requests']} requests to both servers, no difference that nothing explains")


main()
