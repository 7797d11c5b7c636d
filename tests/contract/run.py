"""Drives every operation that the server implements through the generated client of Gitea's API.

Environment: CONTRACT_ROOT, CONTRACT_OPERATIONS (comma-separated operation ids), CONTRACT_PASSWORD of `admin`, CONTRACT_GPG. Exit code 0: all of them were driven and every
answer is as specified.
"""

import importlib
import os
import sys

from driver import Driver

# In this order: later ones use what earlier ones made.
SUBJECTS = ["accounts", "gpg_keys", "organizations", "repositories", "writing", "releases", "rest"]


def main():
    driver = Driver(os.environ["CONTRACT_ROOT"], [name for name in os.environ["CONTRACT_OPERATIONS"].split(",") if name])
    world = {"admin": ("admin", os.environ["CONTRACT_PASSWORD"])}
    for subject in SUBJECTS:
        module = importlib.import_module(subject)
        module.drive(driver, world)
    driver.close()
    return driver.report()


if __name__ == "__main__":
    sys.exit(main())
