"""Repositories, their refs, collaborators and keys."""

import base64

from accounts import PICTURE, public_key


def drive(driver, world):
    call, admin, ada, bob = driver.call, world["admin"], world["ada"], world["bob"]
    made = call("createCurrentUserRepo", ada, 201, body={"name": "sop", "description": "how we work", "auto_init": True})
    call("adminCreateRepo", admin, 201, username="bob", repository={"name": "made"})
    at = {"owner": "ada", "repo": "sop"}
    call("repoGet", **at)
    if made:
        call("repoGetByID", ada, id=made["id"])
    call("repoSearch", q="sop")
    call("userCurrentListRepos", ada)
    call("userListRepos", username="ada")
    call("repoEdit", ada, **at, body={"website": "https://example.org", "has_wiki": False})
    # Made by the test with stock git: two branches, an annotated and a plain tag.
    seed = {"owner": "admin", "repo": "seed"}
    call("repoListBranches", **seed)
    call("repoGetBranch", branch="main", **seed)
    call("repoListTags", **seed)
    call("repoGetTag", tag="v1", **seed)
    call("repoListAllGitRefs", **seed)
    call("repoGetLanguages", **seed)
    call("repoListGitRefs", ref="heads", **seed)

    page = call("repoGetContents", ada, filepath="README.md", **at)
    call("repoGetContentsList", ada, **at)
    call("repoGetContentsExt", ada, filepath="README.md", includes="file_content,commit_metadata,commit_message", **at)
    call("repoGetFileContents", ada, body='{"files": ["README.md"]}', **at)
    call("repoGetFileContentsPost", ada, body={"files": ["README.md"]}, **at)
    call("repoGetRawFile", ada, filepath="README.md", **at)
    call("repoGetRawFileOrLFS", ada, filepath="README.md", **at)
    call("GetTree", ada, sha="main", recursive=True, **at)
    if page:
        call("GetBlob", ada, sha=page["sha"], **at)
    tag = call("repoGetTag", tag="v1", **seed)
    if tag:
        call("GetAnnotatedTag", sha=tag["id"], **seed)
    call("repoGetAllCommits", **seed)
    call("repoGetSingleCommit", sha="main", **seed)
    call("repoGetNote", sha="main", **seed)
    call("repoCompareDiff", basehead="main...topic/a", **seed)
    call("repoGetArchive", archive="main.zip", **seed)

    call("userCurrentPutStar", ada, 204, **at)
    call("userCurrentCheckStarring", ada, 204, **at)
    call("userCurrentListStarred", ada)
    call("userListStarred", username="ada")
    call("repoListStargazers", **at)
    call("userCurrentDeleteStar", ada, 204, **at)
    call("userCurrentPutSubscription", bob, **at)
    call("userCurrentCheckSubscription", bob, **at)
    call("userCurrentListSubscriptions", bob)
    call("userListSubscriptions", username="bob")
    call("repoListSubscribers", **at)
    call("userCurrentDeleteSubscription", bob, 204, **at)
    call("repoUpdateAvatar", ada, 204, body={"image": PICTURE}, **at)
    call("repoGet", **at)
    call("repoDeleteAvatar", ada, 204, **at)
    call("repoUpdateTopics", ada, 204, body={"topics": ["qms", "sop"]}, **at)
    call("repoAddTopic", ada, 204, topic="lab", **at)
    call("repoListTopics", ada, **at)
    call("topicSearch", ada, q="qm")
    # No form: the generated client takes "any value" of a field's attributes for "any object", and refuses Gitea's own answers.
    template = "---\nname: CAPA\nabout: Corrective action\nlabels: [a]\n---\n## What happened\n"
    encoded = base64.b64encode(template.encode()).decode()
    call("repoCreateFile", ada, 201, filepath=".gitea/ISSUE_TEMPLATE/capa.md", body={"content": encoded, "message": "Add a template"}, **at)
    call("repoGetIssueTemplates", ada, **at)
    call("repoGetIssueConfig", ada, **at)
    call("repoValidateIssueConfig", ada, **at)
    label = call("issueCreateLabel", ada, 201, body={"name": "kind/bug", "color": "#f00"}, **at)
    call("issueListLabels", ada, **at)
    if label:
        call("issueGetLabel", ada, id=label["id"], **at)
        call("issueEditLabel", ada, id=label["id"], body={"color": "00aabb"}, **at)
        call("issueDeleteLabel", ada, 204, id=label["id"], **at)
    call("repoDeleteTopic", ada, 204, topic="lab", **at)

    call("repoAddCollaborator", ada, 204, collaborator="bob", body={"permission": "write"}, **at)
    call("repoListCollaborators", ada, **at)
    call("repoCheckCollaborator", ada, 204, collaborator="bob", **at)
    call("repoGetRepoPermissions", ada, collaborator="bob", **at)
    call("repoGetAssignees", ada, **at)
    call("repoCheckAssignee", ada, 204, assignee="bob", **at)
    call("repoGetReviewers", ada, **at)
    call("repoDeleteCollaborator", ada, 204, collaborator="bob", **at)

    key = call("repoCreateKey", ada, 201, body={"title": "robot", "key": public_key(), "read_only": True}, **at)
    call("repoListKeys", ada, **at)
    if key:
        call("repoGetKey", ada, id=key["id"], **at)
        call("repoDeleteKey", ada, 204, id=key["id"], **at)

    call("repoMigrate", ada, 201, body={"clone_addr": f"{driver.root}/admin/seed.git", "repo_name": "followed", "service": "git", "mirror": True,
        "mirror_interval": "8h", "description": "Follows"})
    call("repoMirrorSync", ada, 200, owner="ada", repo="followed")
    call("repoGet", owner="ada", repo="followed")
    call("repoEdit", ada, owner="ada", repo="followed", body={"mirror_interval": "12h", "enable_prune": True})
    call("createFork", ada, 202, body={"name": "branched"}, **seed)
    call("listForks", **seed)
    call("repoMergeUpstream", ada, owner="ada", repo="branched", body={"branch": "main"})
    call("repoGet", owner="ada", repo="branched")
    call("repoEdit", admin, **seed, body={"template": True})
    call("generateRepo", ada, 201, template_owner="admin", template_repo="seed", body={"owner": "ada", "name": "grown", "git_content": True})

    for name in ["given", "kept"]:
        call("createCurrentUserRepo", ada, 201, body={"name": name})
        call("repoTransfer", ada, 202, owner="ada", repo=name, body={"new_owner": "bob"})
    call("acceptRepoTransfer", bob, 202, owner="ada", repo="given")
    call("rejectRepoTransfer", bob, 200, owner="ada", repo="kept")
    call("repoDelete", ada, 204, owner="ada", repo="kept")
