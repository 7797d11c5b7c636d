"""The client matrix on dulwich. See ../README.md for the commands."""

import os
import sys

import dulwich
from dulwich import porcelain
from dulwich.client import get_transport_and_path
from dulwich.graph import can_fast_forward
from dulwich.repo import Repo

USER, PASSWORD, KEY = (os.environ.get(name) for name in ("CLIENT_USER", "CLIENT_PASSWORD", "CLIENT_KEY"))
PROTOCOL = int(os.environ["CLIENT_PROTOCOL"]) if "CLIENT_PROTOCOL" in os.environ else None
WHO = b"Matrix <matrix@example.org>"


class Quiet:
    """Progress goes nowhere."""

    def write(self, _):
        pass

    def flush(self):
        pass


def options(url):
    if url.startswith("ssh:"):
        words = ["ssh", "-F", "none", "-i", KEY, "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-o", "LogLevel=ERROR"]
        return {"ssh_command": " ".join([*words, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"])}
    return {"username": USER, "password": PASSWORD}


def transport(url):
    return get_transport_and_path(url, **options(url))


def origin(directory):
    return Repo(directory).get_config().get((b"remote", b"origin"), b"url").decode()


def update(repository, refs):
    for name, value in refs.items():
        if name.startswith(b"refs/heads/"):
            repository.refs[b"refs/remotes/origin/" + name[len(b"refs/heads/") :]] = value
        elif name.startswith(b"refs/tags/") and not name.endswith(b"^{}"):
            repository.refs[name] = value


def clone(url, directory, depth=None):
    client, path = transport(url)
    client.clone(path, directory, mkdir=True, depth=int(depth) if depth else None, protocol_version=PROTOCOL)
    config = Repo(directory).get_config()
    config.set((b"remote", b"origin"), b"url", url.encode())
    config.write_to_path()


def fetch(directory):
    repository = Repo(directory)
    client, path = transport(origin(directory))
    update(repository, client.fetch(path, repository, protocol_version=PROTOCOL).refs)


def commit(directory, path, text):
    with open(os.path.join(directory, path), "w", encoding="utf-8") as file:
        file.write(text)
    porcelain.add(directory, [os.path.join(directory, path)])
    message = f"Write {path}".encode()
    return porcelain.commit(directory, message=message, author=WHO, committer=WHO).decode()


def tag(directory, name):
    porcelain.tag_create(directory, name.encode(), author=WHO, message=f"Release {name}".encode(), annotated=True)


def push(directory, *specs):
    repository = Repo(directory)
    client, path = transport(origin(directory))
    wanted, forced = {}, set()
    for spec in specs:
        source, target = spec.lstrip("+").split(":")
        wanted[target.encode()] = repository.refs[source.encode()] if source else b"0" * 40
        if spec.startswith("+") or not source:
            forced.add(target.encode())

    def choose(present):
        # The library leaves this to its callers.
        for name, new in wanted.items():
            old = present.get(name)
            if old and name not in forced and not (old in repository.object_store and can_fast_forward(repository, old, new)):
                raise RuntimeError(f"{name.decode()}: not a fast-forward")
        return wanted

    result = client.send_pack(path, choose, repository.generate_pack_data)
    refused = {name: status for name, status in (result.ref_status or {}).items() if status}
    if refused:
        raise RuntimeError(repr(refused))


def list_refs(url):
    client, path = transport(url)
    found = client.get_refs(path)
    for name, target in getattr(found, "refs", found).items():
        print(target.decode(), name.decode())


def version():
    return "dulwich " + ".".join(str(part) for part in dulwich.__version__)


if __name__ == "__main__":
    porcelain.DEFAULT_ENCODING = "utf-8"
    actions = {"clone": clone, "fetch": fetch, "commit": commit, "tag": tag, "push": push, "list": list_refs, "version": version}
    answer = actions[sys.argv[1]](*sys.argv[2:])
    if answer is not None:
        print(answer)
