#!/usr/bin/env python3
"""What spoke-model diff says of each kind of change, in both directions: OLD to NEW, and NEW to OLD.

    tests/conformance/diff.py BUILD
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

CONTEXT = ["dtmi:dtdl:context;4", "dtmi:dtdl:extension:quantitativeTypes;2", "dtmi:dtdl:extension:requirement;2"]


def telemetry(schema, kind=(), **more):
    return {"@type": ["Telemetry", *kind], "name": "t", "schema": schema, **more}


def wanted(schema, **more):
    return {"@type": "Property", "name": "p", "schema": schema, "writable": True, **more}


def command(request=None, response=None):
    made = {"@type": "Command", "name": "c"}
    for key, payload in (("request", request), ("response", response)):
        if payload is not None:
            made[key] = payload if isinstance(payload, dict) and "name" in payload else {"name": "r", "schema": payload}
    return made


def or_null(schema):
    return {"name": "r", "schema": schema, "nullable": True}


def enum(kind, **values):
    return {"@type": "Enum", "valueSchema": kind, "enumValues": [{"name": name, "enumValue": value} for name, value in values.items()]}


def record(*fields):
    return {"@type": "Object", "fields": list(fields)}


def field(name, schema, *kind, **more):
    return {"@type": ["Field", *kind], "name": name, "schema": schema, **more}


def array(schema):
    return {"@type": "Array", "elementSchema": schema}


def degrees(unit):
    return telemetry("double", ["Temperature"], unit=unit)


def component(name="part"):
    return {"@type": "Component", "name": name, "schema": "dtmi:com:example:Part;1"}


PART = {"@context": CONTEXT, "@id": "dtmi:com:example:Part;1", "@type": "Interface", "contents": [telemetry("double")]}
INNER = field("inner", "double", "Temperature", unit="kelvin")

# name, OLD, NEW; what is said of OLD to NEW, and of NEW to OLD: "!" breaks, "" is no change at all
CASES = [
    ("a wider number that devices send", telemetry("integer"), telemetry("double"),
     "integer to double, which takes the same values", "!may send double, where integer is expected"),
    ("a wider number that devices are sent", command("integer"), command("double"),
     "!the service may send double, where integer is expected", "double to integer, which devices in the field take"),
    ("a wider number that travels both ways", wanted("integer"), wanted("long"), "!the service may send values above 2147483647",
     "!devices in the field may send values above 2147483647"),
    ("a response of another type", command(None, "string"), command(None, "double"),
     "!devices in the field may send string", "!devices in the field may send double"),
    ("64 bits", telemetry("long"), telemetry("unsignedLong"), "!values below 0", "!values above 9.22337203685478e+18"),
    ("text of a format", telemetry("dateTime"), telemetry("string"), "dateTime to string", "!may send string, where dateTime"),
    ("an enum to text", telemetry(enum("string", on="1")), telemetry("string"), "string enum to string", "!may send string"),
    ("an enum to a number", telemetry(enum("integer", on=1)), telemetry("byte"), "integer enum to byte", "!may send byte"),
    ("an enum to a number too small", telemetry(enum("integer", on=300)), telemetry("byte"), "!values above 127", "!may send byte"),
    ("an enum's type", telemetry(enum("integer", on=1)), telemetry(enum("string", on="1")), "!integer enum", "!string enum"),
    ("a value more", telemetry(enum("integer", off=0)), telemetry(enum("integer", off=0, on=1)), "value 1 is new", "!may send 1"),
    ("a value more to set", wanted(enum("string", off="off")), wanted(enum("string", off="off", on="on")),
     '!the service may send "on"', '!devices in the field may send "on"'),
    ("a value more in a request", command(enum("integer", off=0)), command(enum("integer", off=0, on=1)),
     "!the service may send 1", "value 1 is gone"),
    ("a value's name", telemetry(enum("integer", off=0)), telemetry(enum("integer", idle=0)), "called idle now", "called off now"),
    ("values that change places", telemetry(enum("integer", off=0, on=1)), telemetry(enum("integer", on=0, off=1)),
     "!off is 1 now", "!on is 1 now"),
    ("a unit", degrees("degreeCelsius"), degrees("degreeFahrenheit"), "!is in degreeFahrenheit now", "!is in degreeCelsius now"),
    ("a unit more", telemetry("double"), degrees("kelvin"), "has the unit kelvin now", "has no unit any more"),
    ("a unit inside", command(None, array(record(INNER))), command(None, array(record({**INNER, "unit": "degreeCelsius"}))),
     "![].inner: is in degreeCelsius now", "![].inner: is in kelvin now"),
    ("a field more", telemetry(record(field("a", "long"))), telemetry(record(field("a", "long"), field("b", "long"))),
     "field b is new", "!may send the field b"),
    ("a field more in a request", command(record(field("a", "long"))), command(record(field("a", "long"), field("b", "long"))),
     "!the service may send the field b", "field b is gone"),
    ("a field that is required", telemetry(record(field("a", "long"))), telemetry(record(field("a", "long", "Required"))),
     "!it without the field a", "field a may be left out now"),
    ("a required field in a request", command(record(field("a", "long"))), command(record(field("a", "long", "Required"))),
     "field a is always there now", "!it without the field a"),
    ("elements", telemetry(array("short")), telemetry(array("long")), "t[]: changes from short to long", "!t[]:"),
    ("an object to an array", telemetry(record()), telemetry(array("long")), "!may send object", "!may send array"),
    ("a request", command(), command("long"), "!has a request now", "!has no request any more"),
    ("a response", command(), command(None, "long"), "!has a response now", "!has no response any more"),
    ("a request that may be null", command("long"), command(or_null("long")), "!may have a null request", "may not have a null request"),
    ("a response that may be null", command(None, "long"), command(None, or_null("long")),
     "may have a null response now", "!may not have a null response"),
    ("who sets a property", wanted("long"), wanted("long", writable=False), "!is not writable any more", "is writable now"),
    ("what it is", telemetry("long"), {**wanted("long"), "name": "t"}, "!is a property now", "!is a telemetry now"),
    ("a name", telemetry("long", displayName="Speed"), telemetry("long", displayName="Speed") | {"name": "u"},
     "!is renamed to u", "!is renamed to t"),
    ("a command", command(), None, "!is removed", "is new"),
    ("a component", component(), None, "!part.t: is removed", "part.t: is new"),
    ("a component's name", component(), component("other"), "!part.t: is removed", "!other.t: is removed"),
    ("texts", telemetry("long", displayName="a", description="b"), telemetry("long", displayName="c"), "", ""),
    ("a field's order", telemetry(record(field("a", "long"), field("b", "long"))),
     telemetry(record(field("b", "long"), field("a", "long"))), "", ""),
]


def write(path, content, version):
    whole = {"@context": CONTEXT, "@id": f"dtmi:com:example:Whole;{version}", "@type": "Interface", "contents": [content] if content else []}
    path.write_text(json.dumps([whole, PART]))


def compare(tool, folder, old, new, expected):
    """What is wrong with the answer; None: nothing."""
    write(folder / "old.json", old, 1)
    write(folder / "new.json", new, 2)
    done = subprocess.run([tool, "diff", folder / "old.json", folder / "new.json"], capture_output=True, text=True)
    data = subprocess.run([tool, "diff", "--json", folder / "old.json", folder / "new.json"], capture_output=True, text=True)
    breaks = expected.startswith("!")
    lines = [line for line in done.stdout.splitlines() if line.startswith("breaking") == breaks and expected.lstrip("!") in line]
    said = json.loads(data.stdout)
    if done.returncode != (1 if breaks else 0) or data.returncode != done.returncode or not lines:
        return f"exit status {done.returncode}, {done.stdout + done.stderr}"
    if (expected == "") != (done.stdout == "no changes\n") or any(change["breaking"] for change in said) != breaks:
        return done.stdout + data.stdout
    return None


def main():
    tool = Path(sys.argv[1]).resolve() / "spoke-model"
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        for title, old, new, forth, back in CASES:
            for way, a, b, expected in (("to", old, new, forth), ("from", new, old, back)):
                wrong = compare(tool, Path(name), a, b, expected)
                if wrong is not None:
                    failed += 1
                    print(f'{title}, {way} it: expected "{expected}", got {wrong}')
    print(f"{2 * len(CASES)} comparisons, {failed} not as they should be")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
