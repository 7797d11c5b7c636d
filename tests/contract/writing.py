"""Files, branches and tags written over the API, and the rules that protect them."""

import base64


def text(content):
    return base64.b64encode(content.encode()).decode()


def drive(driver, world):
    call, ada = driver.call, world["ada"]
    call("createCurrentUserRepo", ada, 201, body={"name": "written", "auto_init": True})
    at = {"owner": "ada", "repo": "written"}
    made = call("repoCreateFile", ada, 201, filepath="docs/one.md", body={"content": text("# One\n"), "message": "Add one"}, **at)
    sha = made["content"]["sha"] if made else ""
    changed = call("repoUpdateFile", ada, 200, filepath="docs/one.md", body={"content": text("# One, again\n"), "sha": sha}, **at)
    sha = changed["content"]["sha"] if changed else ""
    call("repoDeleteFile", ada, 200, filepath="docs/one.md", body={"sha": sha, "message": "Remove one"}, **at)
    files = [{"operation": "create", "path": "a.md", "content": text("a\n")}, {"operation": "create", "path": "b/c.md", "content": text("c\n")}]
    call("repoChangeFiles", ada, 201, body={"files": files, "message": "Two at once"}, **at)

    call("repoCreateBranch", ada, 201, body={"new_branch_name": "topic/b", "old_ref_name": "main"}, **at)
    tip = call("repoGetBranch", ada, branch="main", **at)
    if tip:
        call("repoUpdateBranch", ada, 204, branch="topic/b", body={"new_commit_id": tip["commit"]["id"]}, **at)
        check = {"state": "success", "context": "lint", "target_url": "https://ci.example.org/1", "description": "All good"}
        call("repoCreateStatus", ada, 201, sha=tip["commit"]["id"], body=check, **at)
        call("repoListStatuses", sha=tip["commit"]["id"], sort="oldest", state="success", **at)
        call("repoListStatusesByRef", ref="main", **at)
        call("repoGetCombinedStatusByRef", ref="main", **at)
    call("repoRenameBranch", ada, 204, branch="topic/b", body={"name": "topic/c"}, **at)
    call("repoDeleteBranch", ada, 204, branch="topic/c", **at)
    call("repoCreateTag", ada, 201, body={"tag_name": "v1", "message": "First", "target": "main"}, **at)
    call("repoGetTag", tag="v1", **at)
    call("repoDeleteTag", ada, 204, tag="v1", **at)

    rule = {"rule_name": "main", "enable_push": True, "enable_push_whitelist": True, "push_whitelist_usernames": ["ada"]}
    call("repoCreateBranchProtection", ada, 201, body=rule, **at)
    call("repoListBranchProtection", ada, **at)
    call("repoGetBranchProtection", ada, name="main", **at)
    call("repoEditBranchProtection", ada, name="main", body={"required_approvals": 2}, **at)
    call("repoGetBranch", ada, branch="main", **at)
    second = call("repoCreateBranchProtection", ada, 201, body={"rule_name": "release/*"}, **at)
    if second:
        call("repoUpdateBranchProtectionPriories", ada, 204, body={"ids": [2, 1]}, **at)
    call("repoDeleteBranchProtection", ada, 204, name="main", **at)
    tags = call("repoCreateTagProtection", ada, 201, body={"name_pattern": "v*", "whitelist_usernames": ["ada"]}, **at)
    call("repoListTagProtection", ada, **at)
    if tags:
        call("repoGetTagProtection", ada, id=tags["id"], **at)
        call("repoEditTagProtection", ada, id=tags["id"], body={"name_pattern": "r*"}, **at)
        call("repoDeleteTagProtection", ada, 204, id=tags["id"], **at)
