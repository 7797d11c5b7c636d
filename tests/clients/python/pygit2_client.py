"""The client matrix on libgit2. See ../README.md for the commands."""

import os
import sys

import pygit2

USER, PASSWORD, KEY = (os.environ.get(name) for name in ("CLIENT_USER", "CLIENT_PASSWORD", "CLIENT_KEY"))
WHO = pygit2.Signature("Matrix", "matrix@example.org", 1_700_000_000, 0)


class Callbacks(pygit2.RemoteCallbacks):
    """Shows the credential once: a server that refuses it must not be asked for ever."""

    def __init__(self):
        super().__init__()
        self.asked = False
        self.refused = []

    def credentials(self, url, username, allowed):
        if self.asked:
            raise PermissionError("the credential was refused")
        self.asked = True
        if allowed & pygit2.enums.CredentialType.SSH_KEY:
            return pygit2.Keypair(username or "git", KEY + ".pub", KEY, "")
        return pygit2.UserPass(USER, PASSWORD)

    def certificate_check(self, certificate, valid, host):
        return True

    def push_update_reference(self, name, message):
        if message:
            self.refused.append(f"{name}: {message}")


def clone(url, directory, depth=0):
    pygit2.clone_repository(url, directory, callbacks=Callbacks(), depth=int(depth))


def fetch(directory):
    repository = pygit2.Repository(directory)
    repository.remotes["origin"].fetch(callbacks=Callbacks())


def commit(directory, path, text):
    repository = pygit2.Repository(directory)
    with open(os.path.join(directory, path), "w", encoding="utf-8") as file:
        file.write(text)
    repository.index.add(path)
    repository.index.write()
    parents = [] if repository.head_is_unborn else [repository.head.target]
    reference = repository.lookup_reference("HEAD").target
    return repository.create_commit(reference, WHO, WHO, f"Write {path}", repository.index.write_tree(), parents)


def tag(directory, name):
    repository = pygit2.Repository(directory)
    return repository.create_tag(name, repository.head.target, pygit2.enums.ObjectType.COMMIT, WHO, f"Release {name}")


def push(directory, *specs):
    callbacks = Callbacks()
    pygit2.Repository(directory).remotes["origin"].push(list(specs), callbacks=callbacks)
    if callbacks.refused:
        raise RuntimeError("; ".join(callbacks.refused))


def list_refs(url):
    repository = pygit2.init_repository(os.path.join(os.environ["CLIENT_SCRATCH"], "lister"), bare=True)
    remote = repository.remotes.create_anonymous(url)
    heads = remote.list_heads(callbacks=Callbacks()) if hasattr(remote, "list_heads") else remote.ls_remotes(callbacks=Callbacks())
    for head in heads:
        name = head.name if hasattr(head, "name") else head["name"]
        target = head.oid if hasattr(head, "oid") else head["oid"]
        print(target, name)


def version():
    return f"libgit2 {pygit2.LIBGIT2_VERSION} (pygit2 {pygit2.__version__})"


if __name__ == "__main__":
    actions = {"clone": clone, "fetch": fetch, "commit": commit, "tag": tag, "push": push, "list": list_refs, "version": version}
    answer = actions[sys.argv[1]](*sys.argv[2:])
    if answer is not None:
        print(answer)
