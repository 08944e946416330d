"""Reads a link map of GNU ld: which layer brought how much flash and RAM into an image."""
import collections
import re

SECTION = re.compile(r"^ (\.[\w.$\-]+|COMMON)\s*(?:0x([0-9a-f]+)\s+0x([0-9a-f]+)\s+(\S+))?$")
PLACE = re.compile(r"^\s+0x([0-9a-f]+)\s+0x([0-9a-f]+)\s+(\S+)$")
BEFORE = re.compile(r"^\s+0x([0-9a-f]+) \(size before relaxing\)$")
OUTPUT = re.compile(r"^(\.\w[\w.]*)(\s|$)")
REGIONS = {".text": ("flash",), ".ARM.exidx": ("flash",), ".data": ("flash", "ram"), ".bss": ("ram",),
           ".noinit": ("ram",)}


def layer_of(path):
    """src/proto of an object in .../proto/dps.o; libc, libgcc, other archives by name; probe for the rest."""
    for archive in ("libc", "libgcc", "libm", "libnosys"):
        if re.search(rf"/{archive}(_nano)?\.a\(", path):
            return "libgcc" if archive == "libgcc" else "libc"
    found = re.search(r"/src/(\w+)/[\w.]+\.o(?:bj)?$|lib(\w+)\.a\(", path)
    return found.group(1) or found.group(2) if found else "probe"


def contributions(text):
    """(output section, input section, size, size before strings were merged, object) of everything in the image."""
    found, output, name = [], None, None
    for line in text[text.index("Linker script and memory map"):].splitlines():
        if match := OUTPUT.match(line):
            output = match.group(1)
        if match := BEFORE.match(line):
            if found and found[-1][0] == output:
                found[-1][3] = int(match.group(1), 16)
        elif match := SECTION.match(line):
            name = match.group(1)
            if match.group(4):
                found.append([output, name, int(match.group(3), 16), None, match.group(4)])
        elif (match := PLACE.match(line)) and name:
            found.append([output, name, int(match.group(2), 16), None, match.group(3)])
            name = None
    return [item for item in found if item[0] in REGIONS]


def by_layer(text, layer=lambda item: layer_of(item[4])):
    """{layer: {"flash": bytes, "ram": bytes}}. Equal strings stand in the image once: what the linker made of all of
    them is shared out by what each object had."""
    sizes = collections.defaultdict(lambda: {"flash": 0.0, "ram": 0.0})
    items = contributions(text)
    merged = [item for item in items if ".str1." in item[1] or item[3] is not None]
    before = sum(item[3] if item[3] is not None else item[2] for item in merged)
    after = sum(item[2] for item in merged)
    for item in items:
        output, _, size, whole, path = item
        if item in merged and before > 0:
            size = (whole if whole is not None else size) * after / before
        for region in REGIONS[output]:
            sizes[layer(item)][region] += size
    return {layer: {region: round(size) for region, size in regions.items()} for layer, regions in sizes.items()}
