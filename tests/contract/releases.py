"""Releases and their files."""


def drive(driver, world):
    call, ada = driver.call, world["ada"]
    at = {"owner": "ada", "repo": "written"}
    made = call("repoCreateRelease", ada, 201, body={"tag_name": "r1", "name": "One", "body": "# Notes", "target_commitish": "main"}, **at)
    call("repoCreateRelease", ada, 201, body={"tag_name": "r2", "draft": True}, **at)
    call("repoListReleases", ada, **at)
    call("repoGetLatestRelease", **at)
    call("repoGetReleaseByTag", tag="r1", **at)
    if made:
        number = made["id"]
        call("repoGetRelease", id=number, **at)
        call("repoEditRelease", ada, id=number, body={"name": "One, renamed"}, **at)
        file = call("repoCreateReleaseAttachment", ada, 201, id=number, attachment=("notes.txt", b"some notes\n"), **at)
        call("repoListReleaseAttachments", id=number, **at)
        if file:
            call("repoGetReleaseAttachment", id=number, attachment_id=file["id"], **at)
            call("repoEditReleaseAttachment", ada, 201, id=number, attachment_id=file["id"], body={"name": "read.txt"}, **at)
            call("repoGetRelease", id=number, **at)
            call("repoDeleteReleaseAttachment", ada, 204, id=number, attachment_id=file["id"], **at)
        call("repoDeleteRelease", ada, 204, id=number, **at)
    call("repoCreateRelease", ada, 201, body={"tag_name": "r3"}, **at)
    call("repoDeleteReleaseByTag", ada, 204, tag="r3", **at)
