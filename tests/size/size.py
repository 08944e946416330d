#!/usr/bin/env python3
"""Measures the library on a Cortex-M4 and holds it against tests/size/budgets and docs/footprint.md. Run by run.sh."""
import argparse
import concurrent.futures
import hashlib
import re
import subprocess
import sys
from pathlib import Path

import linkmap
import stack

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "tests/size"
BUILD = ROOT / "build/size"
DOC = ROOT / "docs/footprint.md"
TARGET = ["-mcpu=cortex-m4", "-mthumb"]
FLAGS = [*TARGET, "-std=c11", "-Os", "-DNDEBUG", "-ffunction-sections", "-fdata-sections", "-Wall", "-Wextra",
         "-D_GNU_SOURCE", f"-I{ROOT}/include", f"-I{ROOT}/src"]
LINK = [*TARGET, "--specs=nano.specs", "--specs=nosys.specs", "-nostartfiles", "-Wl,--gc-sections",
        "-Wl,--no-warnings",
        f"-Wl,-T,{HERE}/cortex_m.ld"]
SOURCES = ["base/*.c", "mqtt/*.c", "proto/*.c", "model/*.c", "queue/*.c", "client/*.c", "transport/native*.c",
           "port/ram*.c"]
LAYERS = ["client", "queue", "transport", "model", "mqtt", "proto", "base", "port", "libc", "libgcc"]
TOLERANCE = 0.02  # a figure in the document may be off by this much, or by SLACK bytes, before it has to be written anew
SLACK = 32


def tool(name):
    return f"arm-none-eabi-{name}"


def run(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{Path(command[0]).name} failed ({command[-1]}):\n{done.stdout}{done.stderr}")
    if done.stderr:
        sys.stderr.write(done.stderr)
    return done.stdout


def compile_one(source, extra):
    """The object of a source under these options; one that preprocesses to the same text is made once."""
    options = [*FLAGS, *extra]
    text = run([tool("gcc"), *options, "-E", source])
    key = hashlib.sha256(" ".join(options[:len(FLAGS)]).encode() + text.encode()).hexdigest()[:16]
    place = BUILD / "objects" / key / source.relative_to(ROOT).with_suffix(".o")
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        run([tool("gcc"), *options, "-fcallgraph-info=su,da", "-o", place, "-c", source])
    return place


def compile_all(sources, extra):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda source: compile_one(source, extra), sources))


def library():
    return sorted(path for pattern in SOURCES for path in (ROOT / "src").glob(pattern))


def objects_of(probe, extra=(), stubs=()):
    return compile_all([HERE / probe, *(HERE / stub for stub in stubs), *library()], list(extra))


def image(name, probe, extra=(), stubs=(), entry="probe_roots"):
    """Links a probe with the whole library; the linker keeps what it uses."""
    objects = objects_of(probe, extra, stubs)
    out = BUILD / f"{name}.elf"
    run([tool("gcc"), *LINK, f"-Wl,-e,{entry}", f"-Wl,-Map,{BUILD / name}.map", *objects, "-o", out])
    return out


def layers(elf):
    return linkmap.by_layer(elf.with_suffix(".map").read_text())


def ours(sizes, region="flash"):
    return sum(size[region] for layer, size in sizes.items() if layer not in ("libc", "libgcc", "probe"))


CLIENT = {"probe": "probe_client.c", "stubs": ("stub_tls.c",)}


def features(name):
    return [f'-DSPOKE_FEATURES_FILE="{HERE}/features_{name}.h"', "-DPROBE_DEVICE"]


def measure_images():
    """The images of the table, in its order: {name: sizes by layer}."""
    made = {
        "mqtt": image("mqtt", "probe_mqtt.c"),
        "proto": image("proto", "probe_proto.c", features("proto")),
        "proto_twin": image("proto_twin", "probe_proto.c", [*features("proto"), "-DPROBE_TWIN"]),
        "telemetry": image("telemetry", extra=[*features("telemetry"), "-DPROBE_TELEMETRY"], **CLIENT),
        "client": image("client", extra=features("client"), **CLIENT),
        "full": image("full", **CLIENT),
    }
    return {name: layers(elf) for name, elf in made.items()}


def switches():
    return re.findall(r"^#ifndef SPOKE_WITH_(\w+)", (ROOT / "include/spoke/features.h").read_text(), re.M)


def measure_switches(full):
    """What the full client loses with each switch off."""
    saved = {}
    for name in switches():
        without = image(f"without_{name.lower()}", extra=[f"-DSPOKE_WITH_{name}=0"], **CLIENT)
        saved[name] = sum(size["flash"] for size in full.values()) - sum(
            size["flash"] for size in layers(without).values())
    return saved


def measure_ram():
    """spoke_client_size beyond the chosen buffers, as the image says when QEMU runs it."""
    elf = image("ram", "probe_ram.c", features("client"), ("stub_tls.c",), "reset")
    said = run(["timeout", "30", "qemu-system-arm", "-M", "mps2-an386", "-nographic", "-monitor", "none",
                "-serial", "none", "-chardev", "stdio,id=host", "-semihosting-config",
                "enable=on,target=native,chardev=host", "-kernel", elf])
    return int(said)


def measure_tls():
    """src/tls and src/crypto, objects summed: mbedTLS itself is not linked. Its headers come from the host's package."""
    headers = BUILD / "headers"
    headers.mkdir(parents=True, exist_ok=True)
    for name in ("mbedtls", "psa"):
        link = headers / name
        if not link.is_symlink() and Path("/usr/include", name).exists():
            link.symlink_to(Path("/usr/include", name))
    sources = sorted([*(ROOT / "src/tls").glob("*.c"), *(ROOT / "src/crypto").glob("*.c")])
    listing = run([tool("size"), "-t", *compile_all(sources, [f"-isystem{headers}"])])
    return int(listing.splitlines()[-1].split()[0])


def measure_stack():
    """{call: (bytes in the client, with every switch on)}, and the way to the deepest point of spoke_client_poll."""
    calls = re.findall(r"PROBE_FN\((\w+)\)", (HERE / "probe_client.c").read_text())
    table = stack.read_table(HERE / "indirect")
    found = []
    for name, extra in (("client", features("client")), ("full", [])):
        elf = image(name, extra=extra, **CLIENT)
        found.append(stack.measure(objects_of(extra=extra, **CLIENT), elf, calls, table))
    depths = {call: (found[0][0][call], found[1][0][call]) for call in calls}
    return depths, found[1][1]["spoke_client_poll"]


# --- the document ---


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows])


TITLES = {"mqtt": "MQTT session", "proto": "DPS, hub, SAS, PnP", "proto_twin": "the same, twin and JSON",
          "telemetry": "client, telemetry only", "client": "client", "full": "client, every switch on"}


BUDGETED = TITLES | {"client_ram": "RAM of one client beyond its buffers", "client_stack": "deepest stack, client",
                     "full_stack": "deepest stack, every switch on"}


def sizes_block(images, tls, ram):
    shown = [layer for layer in LAYERS if any(layer in sizes for sizes in images.values())]
    rows = [[f"`{layer}`" if layer.startswith("lib") else f"src/{layer}"] +
            [sizes.get(layer, {"flash": 0})["flash"] or "" for sizes in images.values()] for layer in shown]
    rows.append(["**Spoke**"] + [f"**{ours(sizes)}**" for sizes in images.values()])
    rows.append(["static RAM of Spoke"] + [ours(sizes, "ram") for sizes in images.values()])
    return "\n\n".join([
        table(["flash, bytes"] + [TITLES[name] for name in images], rows),
        f"Beside it: src/tls and src/crypto, which lead to mbedTLS, {tls} bytes (objects summed).",
        f"RAM of one client beyond the buffers that its program chose: {ram} bytes."])


def switches_block(saved):
    return table(["switch set to 0", "saves, bytes of flash"],
                 [[f"SPOKE_WITH_{name}", size] for name, size in saved.items()])


SHALLOW = 256  # bytes: calls that need no more are not worth a row


def stack_block(depths, way):
    deep = sorted((call for call in depths if max(depths[call]) > SHALLOW), key=lambda call: -depths[call][1])
    names = ", ".join(f"`{function.split(':')[-1]}`" for function in way)
    return "\n\n".join([
        table(["deepest stack, bytes", "client", "client, every switch on"],
              [[f"`{call}`", *depths[call]] for call in deep]),
        f"Every other call: at most {SHALLOW} bytes.",
        f"The deepest way of `spoke_client_poll` with every switch on: {names}."])


def block_of(text, name):
    return re.search(rf"(<!-- {name}: written by tests/size/run.sh -->\n\n)(.*?)(\n\n<!-- end -->)", text, re.S)


def near(old, new):
    """Same text, and figures that differ by no more than what a small change brings."""
    number = re.compile(r"\d+")
    if number.sub("#", re.sub(r" +", " ", old)) != number.sub("#", re.sub(r" +", " ", new)):
        return False
    return all(abs(int(a) - int(b)) <= max(SLACK, TOLERANCE * int(a))
               for a, b in zip(number.findall(old), number.findall(new)))


def settle(blocks, write):
    """Writes the blocks into the document, or tells which of them it has otherwise."""
    text, stale = DOC.read_text(), []
    for name, new in blocks.items():
        match = block_of(text, name)
        if match is None:
            sys.exit(f"{DOC}: it has no block '{name}'")
        if write:
            text = text[:match.start(2)] + new + text[match.end(2):]
        elif not near(match.group(2), new):
            stale.append(f"docs/footprint.md: the table '{name}' is not what was measured: tests/size/run.sh --write")
    if write:
        DOC.write_text(text)
    return stale


def budgets():
    """{name: (what CI holds, what is aimed at)}"""
    lines = (line.split("#")[0].split() for line in (HERE / "budgets").read_text().splitlines())
    return {words[0]: (int(words[1]), int(words[2])) for words in lines if words}


def over_budget(figures):
    """Sentences about the budgets that are passed."""
    for name, (limit, _) in budgets().items():
        if figures.get(name, 0) > limit:
            yield f"{name} takes {figures[name]} bytes, {figures[name] - limit} over its budget"


def budgets_block(figures):
    return table(["bytes", "measured", "held by CI", "aim", "over the aim"],
                 [[BUDGETED[name], figures[name], limit, aim, max(figures[name] - aim, 0) or ""]
                  for name, (limit, aim) in budgets().items()])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--only", choices=("sizes", "switches", "stack"))
    options = parser.parse_args()
    try:
        check(options)
    except stack.Trouble as trouble:
        sys.exit(f"the stack: {trouble}")


def check(options):
    BUILD.mkdir(parents=True, exist_ok=True)
    blocks, figures = {}, {}
    if options.only in (None, "sizes", "switches"):
        images = measure_images()
    if options.only in (None, "sizes"):
        ram = measure_ram()
        blocks["sizes"] = sizes_block(images, measure_tls(), ram)
        figures = {name: ours(sizes) for name, sizes in images.items()} | {"client_ram": ram}
    if options.only in (None, "switches"):
        blocks["switches"] = switches_block(measure_switches(images["full"]))
    if options.only in (None, "stack"):
        depths, way = measure_stack()
        blocks["stack"] = stack_block(depths, way)
        figures |= {"client_stack": max(depth[0] for depth in depths.values()),
                    "full_stack": max(depth[1] for depth in depths.values())}
    if options.only is None:
        blocks["budgets"] = budgets_block(figures)
    for name, block in blocks.items():
        print(f"{name}\n\n{block}\n")
    trouble = [*over_budget(figures), *settle(blocks, options.write)]
    print("\n".join(trouble) or "within the budgets")
    sys.exit(1 if trouble else 0)


if __name__ == "__main__":
    main()
