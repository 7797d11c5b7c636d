"""OpenPGP keys, made by stock gpg."""

import os
import subprocess
import tempfile


def drive(driver, world):
    if "userCurrentPostGPGKey" not in driver.wanted:
        return  # gpg is not installed, which the caller has said
    call, ada = driver.call, world["ada"]
    with tempfile.TemporaryDirectory() as home:
        options = ["--homedir", home, "--batch", "--pinentry-mode", "loopback", "--passphrase", ""]

        def gpg(*arguments, text=""):
            done = subprocess.run(
                [os.environ["CONTRACT_GPG"], *options, *arguments], input=text, text=True, capture_output=True, check=True, env={"PATH": os.defpath}
            )
            return done.stdout

        def key(user):
            gpg("--quick-generate-key", user, "ed25519", "sign", "never")
            listed = [line.split(":")[9] for line in gpg("--list-keys", "--with-colons").splitlines() if line.startswith("fpr:")]
            gpg("--quick-add-key", listed[-1], "ed25519", "sign", "1y")
            return listed[-1]

        try:
            mine, other = key("Ada <ada@example.org>"), key("Ada <ada@elsewhere.example>")
            made = call("userCurrentPostGPGKey", ada, 201, form={"armored_public_key": gpg("--armor", "--export", mine)})
            token = call("getVerificationToken", ada, 200)
            if token:
                signature = gpg("--armor", "--local-user", other, "--detach-sign", text=text_of(token))
                form = {"armored_public_key": gpg("--armor", "--export", other), "armored_signature": signature}
                call("userCurrentPostGPGKey", ada, 201, form=form)
                signature = gpg("--armor", "--local-user", mine, "--detach-sign", text=text_of(token))
                proof = {"key_id": mine[-16:], "armored_signature": signature}
                call("userVerifyGPGKey", ada, 201, forgotten_body=proof)
            call("userCurrentListGPGKeys", ada)
            call("userListGPGKeys", username="ada")
            if made:
                call("userCurrentGetGPGKey", ada, id=made["id"])
                call("userCurrentDeleteGPGKey", ada, 204, id=made["id"])
        finally:
            subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], capture_output=True, check=False, env={"PATH": os.defpath})


def text_of(answer):
    return answer.decode() if isinstance(answer, bytes) else str(answer)
