"""Says what the images of samples/firmware take of flash and RAM, by layer, from their link maps.

    footprint.py NAME=firmware.map... [--write DOC]     DOC: the table goes there, between its marks, too
"""
import argparse
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "size"))
import linkmap  # noqa: E402

SPOKE = ("base", "mqtt", "proto", "model", "queue", "client", "transport", "tls", "crypto")
REST = {"mbedtls": "mbedTLS", "lwip": "lwIP", "libc": "newlib-nano", "libgcc": "libgcc", "program": "program, port, board"}
# Arrays whose size somebody chose, told apart from the code that has them.
ARRAYS = {".bss.client_memory": "the client's block", ".bss.tls_memory": "mbedTLS's memory", ".noinit": "records",
          ".bss.memp_memory": "lwIP's pools", ".bss.ram_heap": "lwIP's pools"}
MARKS = re.compile(r"(<!-- firmware: .*? -->\n).*?(<!-- end -->)", re.S)


def row_of(item):
    _, section, _, _, path = item
    for begin, row in ARRAYS.items():
        if section.startswith(begin):
            return row
    layer = linkmap.layer_of(path)
    return f"src/{layer}" if layer in SPOKE else REST.get(layer, REST["program"])


def measured(path):
    text = Path(path).read_text()
    sizes = linkmap.by_layer(text, row_of)
    sizes["stack"] = {"flash": 0, "ram": int(re.search(r"0x([0-9a-f]+)\s+stack_bytes = ", text).group(1), 16)}
    ours = [sizes[f"src/{layer}"] for layer in SPOKE if f"src/{layer}" in sizes]
    sizes["**Spoke**"] = {region: sum(row[region] for row in ours) for region in ("flash", "ram")}
    sizes["**image**"] = {region: sum(row[region] for name, row in sizes.items() if name != "**Spoke**")
                          for region in ("flash", "ram")}
    return sizes


def table(images):
    order = [*(f"src/{layer}" for layer in SPOKE), "**Spoke**", *REST.values(), *dict.fromkeys(ARRAYS.values()), "stack",
             "**image**"]
    yield "| bytes |" + "".join(f" {name}: flash | RAM |" for name in images)
    yield "| --- |" + " ---: |" * 2 * len(images)
    for row in order:
        cells = [sizes.get(row, {}).get(region, 0) for sizes in images.values() for region in ("flash", "ram")]
        if any(cells):
            bold = "**" if row.startswith("**") else ""
            yield f"| {row} |" + "".join(f" {bold}{cell}{bold} |" if cell else "  |" for cell in cells)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("maps", nargs="+", metavar="NAME=MAP")
    parser.add_argument("--write", metavar="DOC")
    options = parser.parse_args()
    lines = "\n".join(table({name: measured(path) for name, _, path in (word.partition("=") for word in options.maps)}))
    print(lines)
    if options.write:
        doc = Path(options.write)
        text, count = MARKS.subn(lambda marks: f"{marks.group(1)}\n{lines}\n\n{marks.group(2)}", doc.read_text())
        if count != 1:
            sys.exit(f"{doc}: the marks of the table are missing")
        doc.write_text(text)


if __name__ == "__main__":
    main()
