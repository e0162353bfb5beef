"""The OpenStack SDK against the server at $OS_ENDPOINT, or where $OS_AUTH_TYPE leads: sdk.py FILE [PROJECT [NAME=VALUE...]].

An image is shared with PROJECT; whoever the environment leads to with these variables as well accepts and downloads it.
"""

import hashlib
import os
import sys

import openstack

path = sys.argv[1]
if os.environ.get("OS_AUTH_TYPE", "none") == "none":
    connection = openstack.connect(auth_type="none", auth={"endpoint": os.environ["OS_ENDPOINT"]})
else:
    connection = openstack.connect()
images = connection.image


def expect(what, wanted, found):
    if wanted != found:
        sys.exit(f"FAILED: {what}: expected {wanted!r}, found {found!r}")


def sha512(chunks):
    digest = hashlib.sha512()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()


# Pages: more images than one page holds come out complete and in order.
names = [f"page-{number}" for number in range(7)]
for name in names:
    images.create_image(name, disk_format="raw", container_format="bare", allow_duplicates=True)
expect("paged names", names, [image.name for image in images.images(sort="name:asc", limit=3)])

image = images.create_image(
    "streamed", filename=path, disk_format="iso", container_format="bare", os_distro="debian", tags=["blue"]
)
image = images.get_image(image.id)
with open(path, "rb") as file:
    wanted = sha512(iter(lambda: file.read(65536), b""))
expect("status", "active", image.status)
expect("hash", wanted, image.hash_value)
response = images.download_image(image, stream=True)
expect("data", wanted, sha512(response.iter_content(65536)))

project = (sys.argv[2:3] or ["other"])[0]
images.update_image(image, visibility="shared")
images.add_member(image, member_id=project)
theirs = images
if sys.argv[3:]:
    os.environ.update(pair.split("=", 1) for pair in sys.argv[3:])
    theirs = openstack.connect().image
theirs.update_member(project, image, status="accepted")
expect("member", [(project, "accepted")], [(member.member_id, member.status) for member in images.members(image)])
shared = theirs.download_image(theirs.get_image(image.id), stream=True)
expect("shared data", wanted, sha512(shared.iter_content(65536)))
images.remove_member(project, image)
expect("members", [], list(images.members(image)))

images.update_image(image, name="renamed", os_version="12")
expect("name", "renamed", images.find_image("renamed", ignore_missing=False).name)
images.add_tag(image, "red")
expect("tags", ["blue", "red"], sorted(images.get_image(image.id).tags))
images.remove_tag(image, "red")
images.deactivate_image(image)
images.reactivate_image(image)
for image in list(images.images()):
    images.delete_image(image, ignore_missing=False)
expect("images left", [], list(images.images()))
