"""Accounts, tokens, keys and what the instance says of itself."""

import os

PASSWORD = "correct horse staple"

# One red pixel, as a PNG.
PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"


def public_key():
    """An Ed25519 key that nobody has the other half of."""
    import base64

    name = b"ssh-ed25519"
    blob = len(name).to_bytes(4, "big") + name + (32).to_bytes(4, "big") + os.urandom(32)
    return f"ssh-ed25519 {base64.b64encode(blob).decode()} contract"


def drive(driver, world):
    call, admin = driver.call, world["admin"]
    call("getVersion")
    for name in ["ada", "bob", "gone"]:
        new = {"username": name, "email": f"{name}@example.org", "password": PASSWORD, "must_change_password": False}
        call("adminCreateUser", admin, 201, body=new)
        world[name] = (name, PASSWORD)
    ada, bob = world["ada"], world["bob"]
    call("adminSearchUsers", admin)
    call("adminEditUser", admin, username="ada", body={"source_id": 0, "login_name": "ada", "full_name": "Ada L."})
    call("adminDeleteUser", admin, 204, username="gone")
    call("adminCreateUser", admin, 201, body={"username": "former", "email": "former@example.org", "password": PASSWORD})
    call("adminRenameUser", admin, 204, username="former", body={"new_username": "present"})
    call("userGetCurrent", ada)
    call("userListEmails", ada)
    call("userAddEmail", ada, 201, body={"emails": ["lab@example.org"]})
    call("userDeleteEmail", ada, 204, body={"emails": ["lab@example.org"]})
    call("getUserSettings", ada)
    call("updateUserSettings", ada, body={"theme": "gitea-auto", "language": "en-US", "diff_view_style": "unified"})
    call("userGet", username="ada")
    call("userCurrentPutFollow", bob, 204, username="ada")
    call("userCurrentCheckFollowing", bob, 204, username="ada")
    call("userCheckFollowing", None, 204, username="bob", target="ada")
    call("userCurrentListFollowers", ada)
    call("userCurrentListFollowing", bob)
    call("userListFollowers", username="ada")
    call("userListFollowing", username="bob")
    call("userCurrentDeleteFollow", bob, 204, username="ada")
    call("userBlockUser", ada, 204, username="bob", note="loud")
    call("userCheckUserBlock", ada, 204, username="bob")
    call("userListBlocks", ada)
    call("userUnblockUser", ada, 204, username="bob")
    call("userUpdateAvatar", ada, 204, body={"image": PICTURE})
    call("userGet", username="ada")
    call("userDeleteAvatar", ada, 204)
    call("userSearch", ada, q="a")
    token = call("userCreateToken", ada, 201, username="ada", body={"name": "contract", "scopes": ["all"]})
    world["ada-token"] = token["sha1"] if token else ada
    call("userGetTokens", ada, username="ada")
    call("userCreateToken", bob, 201, username="bob", body={"name": "short", "scopes": ["read:user"]})
    call("userDeleteAccessToken", bob, 204, username="bob", token="short")

    key = call("userCurrentPostKey", ada, 201, body={"title": "laptop", "key": public_key()})
    call("userCurrentListKeys", ada)
    call("userListKeys", username="ada")
    if key:
        call("userCurrentGetKey", ada, id=key["id"])
        call("userCurrentDeleteKey", ada, 204, id=key["id"])
    key = call("adminCreatePublicKey", admin, 201, username="bob", key={"title": "desk", "key": public_key()})
    if key:
        call("adminDeleteUserPublicKey", admin, 204, username="bob", id=key["id"])
