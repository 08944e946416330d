"""Prints what the image of samples/firmware takes of flash and RAM, by layer, from its link map.

    footprint.py firmware.map
"""
import collections
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "size"))
import linkmap  # noqa: E402

SPOKE = ("base", "mqtt", "proto", "model", "queue", "crypto", "client", "transport", "tls", "port")
# Arrays that a program chooses the size of, told apart from the code that has them.
ARRAYS = {"client_memory": "the client's block", "tls_memory": "mbedTLS's memory", "memp_memory": "lwIP's pools",
          "ram_heap": "lwIP's pools", "records": "records"}


def stack_bytes(text):
    return int(re.search(r"0x([0-9a-f]+)\s+stack_bytes = ", text).group(1), 16)


def row_of(item):
    _, section, _, _, path = item
    for name, row in ARRAYS.items():
        if section.startswith(".bss." + name) or section == ".noinit":
            return row if section != ".noinit" else "records"
    layer = linkmap.layer_of(path)
    return layer if layer != "probe" else "application, port, board"


def main():
    text = Path(sys.argv[1]).read_text()
    sizes = linkmap.by_layer(text, row_of)
    sizes["stack"] = {"flash": 0, "ram": stack_bytes(text)}
    ours = collections.Counter()
    for layer in SPOKE:
        ours.update(sizes.get(layer, {}))
    rest = sorted((name for name in sizes if name not in SPOKE), key=lambda name: -sizes[name]["flash"])
    print(f"{'bytes':26}{'flash':>9}{'RAM':>9}")
    for name in [*(layer for layer in SPOKE if layer in sizes), None, *rest]:
        label, row = ("Spoke", ours) if name is None else (name, sizes[name])
        print(f"{'  ' if name in SPOKE else ''}{label:{24 if name in SPOKE else 26}}{row['flash']:9}{row['ram']:9}")
    total = {region: sum(row[region] for row in sizes.values()) for region in ("flash", "ram")}
    print(f"{'all':26}{total['flash']:9}{total['ram']:9}")


if __name__ == "__main__":
    main()
