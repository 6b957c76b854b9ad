"""Holds the bills of materials in a directory against the schema of CycloneDX and against what was locked."""

import json
import sys
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator


def read(path):
    text = path.read_text()
    fault = JsonStrictValidator(SchemaVersion.V1_5).validate_str(text)
    if fault:
        sys.exit(f"{path}: not CycloneDX 1.5: {fault}")
    return json.loads(text)


def components(bill):
    return {(it.get("group", ""), it["name"], it["version"]): it for it in bill["components"]}


def compare(path, wanted, found):
    missing = sorted(wanted - found)
    if missing:
        sys.exit(f"{path}: {len(missing)} missing, such as {missing[:5]}")
    print(f"{path}: {len(found)} components, valid, nothing missing")


out = Path(sys.argv[1])
rust = out / "fleetwire.cdx.json"
bill = read(rust)
own = bill["metadata"]["component"]["name"]
found = {(name, version) for _, name, version in components(bill)}
wanted = {tuple(line.split(" ")) for line in (out / "cargo.list").read_text().splitlines()}
compare(rust, {it for it in wanted if it[0] != own}, found)
unlicensed = [name for (_, name, _), it in components(bill).items() if not it.get("licenses")]
if unlicensed:
    sys.exit(f"{rust}: without a licence: {unlicensed}")

console = out / "console.cdx.json"
# All that is shipped, and of what builds it all that is for every platform.
found = {f"{group}/{name}".strip("/") + f" {version}" for group, name, version in components(read(console))}
locked = json.loads(Path("console/package-lock.json").read_text())["packages"]
shipped = {
    f"{place.rsplit('node_modules/', 1)[1]} {it['version']}"
    for place, it in locked.items()
    if place and not {"devOptional", "optional"} & it.keys()
}
compare(console, shipped, found)
(out / "cargo.list").unlink()
