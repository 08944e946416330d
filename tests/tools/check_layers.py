#!/usr/bin/env python3
"""Checks over #include lines that each layer includes only what docs/design.md allows. Exit status 1 with a line for
each breach; run without arguments from anywhere."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = re.compile(r'^\s*#\s*include\s+[<"]([^>"]+)[>"]', re.M)

PURE_SYSTEM = {"assert.h", "float.h", "limits.h", "stdalign.h", "stdbool.h", "stddef.h", "stdint.h", "string.h"}
# the writer prints numbers, and the log formats its lines
BASE_SYSTEM = PURE_SYSTEM | {"inttypes.h", "locale.h", "math.h", "stdarg.h", "stdio.h", "stdlib.h"}

# folder under src/: our folders it may include from, our public headers, and system headers (None: any)
LAYERS = {
    "base": ({"base"}, {"base", "status", "limits", "features", "platform"}, BASE_SYSTEM),
    "mqtt": ({"base", "mqtt"}, {"base", "status", "limits", "features", "proto/mqtt"}, PURE_SYSTEM),
    "proto": ({"base", "proto"}, {"base", "status", "limits", "features", "proto/"}, PURE_SYSTEM | {"stdarg.h"}),
    "model": ({"base", "model"}, {"base", "status", "limits", "model", "model_codec"}, PURE_SYSTEM),
    "crypto": ({"base", "crypto"}, {"base", "status", "limits", "crypto"}, None),
    "tls": ({"base", "crypto", "tls"}, {"base", "status", "limits", "features", "platform", "crypto"}, None),
    "port": ({"base", "port"}, {"base", "status", "limits", "platform"}, None),
    "transport": ({"base", "tls", "port", "transport"},
                  {"base", "status", "limits", "features", "platform", "transport", "crypto", "proto/mqtt"}, None),
    "queue": ({"base", "queue"}, {"base", "status", "limits", "features", "platform"}, PURE_SYSTEM),
    "client": ({"base", "model", "queue", "client"}, {"base", "status", "limits", "features", "platform", "model", "crypto", "client", "stats",
                                             "transport", "proto/"}, PURE_SYSTEM | {"stdatomic.h", "stdio.h", "stdlib.h"}),
    "encoder": ({"encoder"}, {"base", "status", "client", "encoder"}, None),
    "runner": ({"base", "client", "runner"}, {"base", "client", "runner"}, None),
    "central": ({"base", "crypto", "tls", "port", "model", "synth", "central"},
                {"base", "status", "limits", "platform", "model", "crypto", "proto/", "central/"}, None),
    "synth": ({"base", "model", "synth"}, {"base", "status", "limits", "model"}, None),
    "fleet": ({"base", "model", "synth", "tools", "fleet"},
              {"base", "status", "limits", "platform", "model", "crypto", "client", "stats", "transport", "proto/"}, None),
    "tools": ({"base", "model", "tools"}, {"base", "status", "limits", "model"}, None),
}

# folders under src/central: which of the others they may include from; what lies above them may include all
CENTRAL = {
    "store": set(),
    "core": {"store"},
    "rest": {"core", "store"},
    "broker": {"core", "store"},
    "shell": {"core", "broker"},
}

# a foreign header: where alone it may appear
FOREIGN = {
    "mbedtls/": ("src/tls/", "src/crypto/", "src/central/ca.c", "src/central/core/x509.c"),
    "psa/": ("src/tls/", "src/crypto/"),
    "MQTTAsync.h": ("src/transport/paho",),
    "cJSON.h": ("src/central/", "src/tools/"),
    "sqlite3.h": ("src/central/store/",),
    "zlib.h": ("src/encoder/gzip", "src/central/core/inflate"),
    "microhttpd.h": ("src/central/shell/",),
    "ares.h": ("src/port/posix",),
}


def own_include(name, path):
    """("private", layer) or ("public", header) for a header of ours, else None."""
    if name.startswith("spoke/"):
        return "public", name[len("spoke/"):-len(".h")]
    near = (path.parent / name).resolve()
    far = (ROOT / "src" / name).resolve()
    for candidate in (near, far):
        if candidate.is_file() and (ROOT / "src") in candidate.parents:
            return "private", candidate.relative_to(ROOT / "src").parts[0]
    return None


def allowed_public(header, allowed):
    return any(header == a or (a.endswith("/") and header.startswith(a)) for a in allowed)


def central_part(path):
    """The folder under src/central that a file stands in, or None."""
    parts = path.relative_to(ROOT / "src").parts
    return parts[1] if parts[0] == "central" and len(parts) > 2 else None


def central_breach(name, path):
    """A part of the service includes from one above it."""
    part = central_part(path)
    target = ROOT / "src" / name
    other = central_part(target) if target.is_file() else None
    return part is not None and other is not None and other != part and other not in CENTRAL[part]


def breaches(path):
    layer = path.relative_to(ROOT / "src").parts[0]
    place = path.relative_to(ROOT).as_posix()
    folders, public, system = LAYERS[layer]
    for name in INCLUDE.findall(path.read_text()):
        own = own_include(name, path)
        if own is not None:
            kind, what = own
            if kind == "private" and what not in folders:
                yield f"{place}: layer {layer} may not include {name}"
            if kind == "private" and central_breach(name, path):
                yield f"{place}: this part of the service may not include {name}"
            if kind == "public" and not allowed_public(what, public):
                yield f"{place}: layer {layer} may not include <{name}>"
            continue
        for foreign, places in FOREIGN.items():
            if name.startswith(foreign) or name.endswith("/" + foreign):
                if not place.startswith(places):
                    yield f"{place}: {name} belongs to {' and '.join(places)}"
                break
        else:
            if system is not None and name not in system:
                yield f"{place}: layer {layer} may not include <{name}>"


def main():
    files = [p for p in (ROOT / "src").rglob("*.[ch]") if p.relative_to(ROOT / "src").parts[0] in LAYERS]
    found = [b for p in sorted(files) for b in breaches(p)]
    print("\n".join(found) if found else f"layers hold in {len(files)} files")
    return 1 if found or not files else 0


if __name__ == "__main__":
    sys.exit(main())
