"""What is about no account and no repository."""


def drive(driver, world):
    call, ada, bob = driver.call, world["ada"], world["bob"]
    for operation in ["getGeneralAPISettings", "getGeneralAttachmentSettings", "getGeneralRepositorySettings", "getGeneralUISettings"]:
        call(operation)
    call("listGitignoresTemplates")
    call("getGitignoreTemplateInfo", name="Rust")
    call("listLicenseTemplates")
    call("getLicenseTemplateInfo", name="MIT")
    call("listLabelTemplates")
    call("getLabelTemplateInfo", name="Quality")
    call("renderMarkdown", ada, body={"Text": "# Title\n\n- [x] done", "Mode": "gfm", "Context": "ada/sop"})
    call("renderMarkdownRaw", ada, body="# Title")
    call("renderMarkup", ada, body={"Text": "**bold**", "Mode": "markdown"})
    token = call("userCreateToken", bob, 201, username="bob", body={"name": "given up", "scopes": ["read:user"]})
    if token:
        call("getCurrentToken", token["sha1"])
        call("deleteCurrentToken", token["sha1"], 204)
