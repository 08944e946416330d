#!/usr/bin/env python3
"""Writes valid models that are hard for a generator: names that are C's, that meet, that are long; texts that end
comments; every schema in every other; wide, deep and empty things. The fixed ones first, then random ones of a seed.

    tests/conformance/adversarial.py DIR [--count N] [--seed S]      DIR/index.jsonl as generated.py --data reads it
"""
import argparse
import json
import random
from pathlib import Path

KEYWORDS = """auto break case char const continue default do double else enum extern float for goto if inline int long
register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while bool true
false asm typeof class delete new this template operator private public virtual friend namespace using try catch throw
export explicit mutable typename nullptr constexpr alignas alignof thread_local static_assert and or not xor bitand
compl and_eq concept requires co_await char8_t noreturn complex imaginary""".split()
LIBRARY = """errno stdin stdout stderr NULL INT_MAX INT32_MAX UINT8_C EOF linux unix i386 assert offsetof memset memcpy
strlen printf main malloc size_t uint8_t int32_t ptrdiff_t wchar_t max_align_t has HAS key value items count nothing
client user wanted call request response version ack code values status field fields json memory scratch given
component name member codec schema spoke spoke_str spoke_client spoke_ack SPOKE_OK model handlers members send report
on take reply send_one report_one refuse null out w index text number kind Model MODEL_H handler_count scratch_bytes
read write schema_ layout entry range list none None telemetry properties item x x_2 signal math sin y0 j1 y1 gamma
I isnan isinf fpclassify environ alloca strdup abs div exit index rindex""".split()
MEETING = """a A aB ab AB a_b A_B aB2 a_b_2 a__b a_B ab_ ABc aBC a_b_c a1 a_1 A1 x1 item_2 item item2 Item IPAddress
ipAddress ip_address temp_ temp Temp TEMP t_emp on_x onX send sendX send_x report_x reportX X x""".split()
TEXTS = ["*/", "/*", "//", "\\", "ends in a backslash \\", "??/", "??= ??( trigraphs ??)", "%s %n %d %", "\0 nul", "a\nb\r\nc\td",
         "\u202e\u2066 right to left \u05d0\u05d1", "\u200f\u061c\u200e", "\U0001f600\U0001f469\u200d\U0001f4bb", "\"quoted\" 'single'", "*", "/", "?",
         "#include <x>", "#define", "`$(x)`", "\x7f\x1b[31m", "\ufeff", "\u2028\u2029\u0085", "*\u202e/", "?\u202e?=", "* /", "  ", "",
         "@param \\param", "fallthrough", "clang-format off", "clang-format on", "*\\\n/", "NOLINT", "a." * 20, "\u00a0", "\\u0041 \\U00000041"]
VALUES = [text for text in TEXTS if "\0" not in text]  # no table holds NUL
LANGUAGES = ["en", "de", "en-US", "zh-Hans-CN"]
PRIMITIVES = {2: "boolean integer long float double string date time dateTime duration".split()}
PRIMITIVES[3] = PRIMITIVES[2]
PRIMITIVES[4] = PRIMITIVES[2] + ["byte", "short", "unsignedByte", "unsignedShort", "unsignedInteger", "unsignedLong",
                                 "decimal", "bytes", "uuid"]
GEO = "point multiPoint lineString multiLineString polygon multiPolygon".split()
NUMERIC = ["double", "float", "integer", "long"]
# some of each kind: the generator only repeats them
SEMANTIC = [("Temperature", "degreeCelsius"), ("Velocity", "metrePerSecond"), ("Pressure", "pascal"), ("Angle", "degreeOfArc"),
            ("DataRate", "bitPerSecond"), ("RelativeHumidity", "percent"), ("TimeSpan", "second")]
CONTEXT = {2: "dtmi:dtdl:context;2",
           3: ["dtmi:dtdl:context;3", "dtmi:dtdl:extension:quantitativeTypes;1", "dtmi:dtdl:extension:requirement;1"],
           4: ["dtmi:dtdl:context;4", "dtmi:dtdl:extension:quantitativeTypes;2", "dtmi:dtdl:extension:requirement;2"]}
MAX_NAME = {2: 64, 3: 512, 4: 512}


def usable(name):
    return name[0].isalpha() and name[-1] != "_"


class Maker:
    def __init__(self, seed, version):
        self.random = random.Random(seed)
        self.version = version
        self.left = 120  # elements
        self.names = [name for name in KEYWORDS + LIBRARY + MEETING if usable(name)]

    def chance(self, part):
        return self.random.random() < part

    def name(self, used):
        r = self.random
        while True:
            pick = r.random()
            if pick < 0.75:
                name = r.choice(self.names)
                if self.chance(0.1):
                    name = name.upper() if self.chance(0.5) else name.title().replace("_T", "_t")
            elif pick < 0.9:
                name = "".join(r.choice("abABxX019_") for _ in range(r.randint(1, 4)))
            else:
                longest = MAX_NAME[self.version]
                name = r.choice(["n", "N", "veryLong", "A"]) * longest
                name = name[:longest - 1] + r.choice("ab1")
            if name and name not in used and usable(name):
                used.add(name)
                return name

    def about(self, element):
        longest = 64 if self.version == 2 else 512
        for key, most in (("displayName", longest), ("description", 512), ("comment", 512)):
            if not self.chance(0.3):
                continue
            text = "".join(self.random.choice(TEXTS) for _ in range(self.random.randint(1, 4)))
            while len(text.encode("utf-16-le")) // 2 > most:
                text = text[:-1]
            if key != "comment" and self.chance(0.3):
                languages = self.random.sample(LANGUAGES, self.random.randint(1, 3))
                element[key] = {language: text for language in languages}
            else:
                element[key] = text
        return element

    def enum(self):
        r = self.random
        text = self.chance(0.5)
        used, taken, values = set(), set(), []
        least = 1 if self.version == 2 else 0
        for _ in range(r.choice([least, 1, 2, 3, 8])):
            if text:
                value = r.choice(VALUES + KEYWORDS + ["1", "-1", "null", "x" * 200])
            else:
                value = r.choice([0, 1, 2, -1, -2, 255, 256, -128, -129, 65535, 65536, 2147483647, -2147483648, r.randint(-9, 9)])
            if value in taken:
                continue
            taken.add(value)
            values.append(self.about({"name": self.name(used), "enumValue": value}))
        if not values and least:
            values.append({"name": "only", "enumValue": "only" if text else -2147483648})
        return {"@type": "Enum", "valueSchema": "string" if text else "integer", "enumValues": values}

    def semantic(self, element, kind):
        if self.version == 2 and kind in ("Field", "MapValue") or not self.chance(0.3):
            return element
        name, unit = self.random.choice(SEMANTIC)
        return {**element, "@type": [kind, name], "schema": self.random.choice(NUMERIC), "unit": unit}

    def field(self, used, depth, arrays):
        field = self.about({"@type": "Field", "name": self.name(used), "schema": self.schema(depth + 1, arrays)})
        field = self.semantic(field, "Field")
        if self.version > 2 and self.chance(0.3):
            kinds = field["@type"] if isinstance(field["@type"], list) else [field["@type"]]
            field["@type"] = kinds + ["Required"]
        return field

    def object(self, depth, arrays):
        used = set()
        least = 1 if self.version == 2 else 0
        count = self.random.choice([least, 1, 2, 3, 5, 9])
        return {"@type": "Object", "fields": [self.field(used, depth, arrays) for _ in range(count)]}

    def schema(self, depth, arrays=True):
        r = self.random
        self.left -= 1
        deepest = 5 if self.version < 4 else 8
        if depth + 1 >= deepest or self.left < 0 or self.chance(0.35):
            primitives = PRIMITIVES[self.version]
            geo = depth + 5 < deepest and arrays and self.chance(0.15)
            return r.choice(GEO) if geo else r.choice(primitives)
        kind = r.choice(["Enum", "Object", "Map"] + (["Array"] if arrays else []))
        if kind == "Enum":
            return self.about(self.enum())
        if kind == "Object":
            return self.about(self.object(depth, arrays))
        if kind == "Array":
            return self.about({"@type": "Array", "elementSchema": self.schema(depth + 1, arrays)})
        value = self.semantic(self.about({"name": self.name(set()), "schema": self.schema(depth + 1, arrays)}), "MapValue")
        return self.about({"@type": "Map", "mapKey": self.about({"name": self.name(set()), "schema": "string"}), "mapValue": value})

    def payload(self, kind, used):
        payload = self.about({"name": self.name(used), "schema": self.schema(0)})
        if self.version > 2:
            payload["@type"] = kind
            payload = self.semantic(payload, kind)
        if self.version == 4 and self.chance(0.5):
            payload["nullable"] = True
        return payload

    def content(self, used, components):
        r = self.random
        kind = r.choice(["Telemetry", "Property", "Property", "Command", "Command"] + (["Component"] * 2 if components else []))
        element = self.about({"@type": kind, "name": self.name(used)})
        if kind == "Component":
            element["schema"] = r.choice(components)
            return element
        if kind == "Command":
            if self.chance(0.7):
                element["request"] = self.payload("CommandRequest", set())
            if self.chance(0.7):
                element["response"] = self.payload("CommandResponse", set())
            return element
        element["schema"] = self.schema(0, self.version > 2 or kind == "Telemetry")
        element = self.semantic(element, kind)
        if kind == "Property" and self.chance(0.6):
            element["writable"] = True
        return element

    def interface(self, dtmi, components=(), contents=None, **more):
        used = set()
        count = self.random.randint(0, 9) if contents is None else 0
        made = [self.content(used, list(components)) for _ in range(count)]
        element = self.about({"@context": CONTEXT[self.version], "@id": dtmi, "@type": "Interface"})
        return {**element, "contents": made if contents is None else contents, **more}

    def dtmi(self, part="model"):
        last = self.random.choice(["Model", "Od_d", "x9", "A", "int", "spoke", "Spoke_Client", "a__b", "std", "NULL", "errno", "L" * 40])
        return f"dtmi:com:example:{part}:{last};{self.random.randint(1, 999)}"

    def model(self):
        """Components that share interfaces, or the model's own name."""
        last = self.dtmi("p1").split(":")[-1]
        parts = [f"dtmi:com:example:p{i}:{last}" for i in range(self.random.randint(0, 3))]
        whole = self.interface(self.dtmi(), parts)
        return [whole] + [self.interface(part) for part in parts]


def fixed():
    """(name, model)"""
    m = Maker(1, 4)
    context3, context4 = {"@context": CONTEXT[3]}, {"@context": CONTEXT[4]}

    def interface(name, contents, context, **more):
        return {**context, "@id": f"dtmi:com:example:{name};1", "@type": "Interface", "contents": contents, **more}

    def telemetry(name, schema, **more):
        return {"@type": "Telemetry", "name": name, "schema": schema, **more}

    def property_(name, schema, **more):
        return {"@type": "Property", "name": name, "schema": schema, **more}

    for kinds in (KEYWORDS, LIBRARY, MEETING):
        names = [name for name in dict.fromkeys(kinds) if usable(name)]
        fields = [{"name": name, "schema": "integer"} for name in names]
        contents = [telemetry(name, "double") for name in names]
        yield f"names{len(names)}_telemetry", interface("Names", contents, context3)
        yield f"names{len(names)}_fields", interface("Names", [property_("o", {"@type": "Object", "fields": fields}, writable=True)], context3)
        yield f"names{len(names)}_properties", interface("names", [property_(name, "string", writable=True) for name in names], context3)
        commands = [{"@type": "Command", "name": name, "request": {"name": name, "schema": "long"}, "response": {"name": name, "schema": "float"}} for name in names]
        yield f"names{len(names)}_commands", interface("int", commands, context3)
        values = [{"name": name, "enumValue": at} for at, name in enumerate(names)]
        yield f"names{len(names)}_enum", interface("a", [telemetry("a", {"@type": "Enum", "valueSchema": "integer", "enumValues": values})], context3)
        values = [{"name": name, "enumValue": name} for name in names]
        yield f"names{len(names)}_enum_text", interface("a", [property_("a", {"@type": "Enum", "valueSchema": "string", "enumValues": values}, writable=True)], context3)
        component = interface("part", contents[:20], context3)
        hosts = [{"@type": "Component", "name": name, "schema": component["@id"]} for name in names]
        yield f"names{len(names)}_components", [interface("whole", hosts, context3), component]

    def many_fields(count, required):
        kind = ["Field", "Required"] if required else "Field"
        return {"@type": "Object", "fields": [{"@type": kind if i % 3 else "Field", "name": f"f{i}", "schema": "unsignedLong"} for i in range(count)]}

    for count in (31, 32, 33, 63, 64, 65, 1000):
        for required in (False, True):
            yield f"fields{count}_{required}", interface("Fields", [telemetry("o", many_fields(count, required))], context4)
        yield f"members{count}", interface("Members", [property_(f"p{i}", "byte", writable=i % 2 == 0) for i in range(count)], context4)
    yield "values5000", interface("Values", [telemetry("e", {"@type": "Enum", "valueSchema": "integer", "enumValues": [
        {"name": f"v{i}", "enumValue": i * 857 - 2147483648} for i in range(5000)]})], context4)
    yield "values5000_text", interface("Values", [telemetry("e", {"@type": "Enum", "valueSchema": "string", "enumValues": [
        {"name": f"v{i}", "enumValue": f"value {i}"} for i in range(5000)]})], context4)
    yield "long_text_value", interface("Values", [telemetry("e", {"@type": "Enum", "valueSchema": "string", "enumValues": [
        {"name": "long", "enumValue": "x\"\u00e9" * 2000}, {"name": "short", "enumValue": ""}]})], context4)
    long = "m" + "a" * 511
    yield "long_names", interface("L" * 100, [
        property_(long, {"@type": "Object", "fields": [{"name": long, "schema": {"@type": "Map", "mapKey": {"name": long, "schema": "string"}, "mapValue": {
            "name": long, "schema": {"@type": "Enum", "valueSchema": "integer", "enumValues": [{"name": long[:-1] + "b", "enumValue": 1}, {"name": long, "enumValue": 2}]}}}},
            {"name": long[:-1] + "b", "schema": "duration"}]}, writable=True),
        {"@type": "Command", "name": long[:-1] + "c", "request": {"name": long, "schema": "string"}, "response": {"name": long, "schema": "bytes"}}], context4)
    yield "no_contents", {**context3, "@id": "dtmi:x;1", "@type": "Interface"}
    yield "empty", interface("E", [telemetry("o", {"@type": "Object"}), property_("e", {"@type": "Enum", "valueSchema": "integer"}, writable=True),
                                   property_("s", {"@type": "Enum", "valueSchema": "string"}, writable=True),
                                   {"@type": "Command", "name": "c", "request": {"name": "r", "schema": {"@type": "Object", "fields": []}},
                                    "response": {"name": "r", "schema": {"@type": "Array", "elementSchema": {"@type": "Object"}}}},
                                   telemetry("m", {"@type": "Map", "mapKey": {"name": "k", "schema": "string"}, "mapValue": {"name": "v", "schema": {"@type": "Enum", "valueSchema": "string"}}})], context4)
    yield from recursive(interface, telemetry, property_, context4)
    yield from nested(interface, telemetry, property_, context4)
    yield from inherited(interface, telemetry, context3)
    yield from units(interface, property_, telemetry)
    yield "texts", interface("Texts", [telemetry(f"t{i}", {"@type": "Enum", "valueSchema": "string", "enumValues": [
        {"name": "v", "enumValue": text, "displayName": text, "description": text}]}, displayName=text, description=text) for i, text in enumerate(VALUES)], context3)
    yield "texts2", interface("Texts", [{"@type": "Command", "name": f"c{i}", "displayName": text, "description": {"de": text},
                                         "request": {"name": "r", "schema": "date", "description": text}, "response": {"name": "r", "schema": "time", "displayName": text}}
                                        for i, text in enumerate(TEXTS)], context3, displayName="*/" * 30, description="\\" * 100)
    yield "nullable", interface("Nullable", [{"@type": "Command", "name": f"c{i}", "request": {"name": "r", "schema": schema, "nullable": i % 3 != 0},
                                              "response": {"name": "r", "schema": schema, "nullable": i % 3 != 1}}
                                             for i, schema in enumerate(PRIMITIVES[4] + [{"@type": "Object"}, {"@type": "Array", "elementSchema": "string"}])], context4)
    yield from central(m)


def recursive(interface, telemetry, property_, context):
    def refer(name):
        return f"dtmi:com:example:{name};1"

    def array_of(schema):
        return {"@type": "Array", "elementSchema": schema}

    def map_of(schema):
        return {"@type": "Map", "mapKey": {"name": "k", "schema": "string"}, "mapValue": {"name": "v", "schema": schema}}

    def object_of(*fields, **more):
        return {"@type": "Object", "fields": [{"name": name, "schema": schema} for name, schema in fields], **more}

    schemas = [
        object_of(("next", refer("Node")), ("value", "integer"), **{"@id": refer("Node")}),
        object_of(("b", refer("B")), ("n", "string"), **{"@id": refer("A")}),
        object_of(("a", refer("A")), ("all", array_of(refer("A"))), **{"@id": refer("B")}),
        object_of(("children", map_of(refer("Tree"))), ("list", array_of(array_of(refer("Tree")))), ("up", refer("Tree")), **{"@id": refer("Tree")}),
        {"@id": refer("Lists"), **array_of(refer("Lists"))},
        {"@id": refer("Maps"), **map_of(refer("Maps"))},
        {"@id": refer("ListOfMaps"), **array_of(map_of(refer("ListOfMaps")))},
        {"@id": refer("MapOfLists"), **map_of(array_of(object_of(("in", refer("MapOfLists")), ("out", refer("MapOfLists")))))},
    ]
    for at, schema in enumerate(schemas):
        name = schema["@id"].split(":")[-1].split(";")[0]
        contents = [telemetry("t", schema["@id"]), property_("p", schema["@id"], writable=True),
                    {"@type": "Command", "name": "c", "request": {"name": "r", "schema": schema["@id"]}, "response": {"name": "r", "schema": schema["@id"], "nullable": True}}]
        used = schemas[1:3] if name in "AB" else [schema]
        yield f"recursive_{name}", interface(f"Recursive{at}", contents, context, schemas=used)
    yield "recursive_all", interface("Recursive", [telemetry(f"t{i}", schema["@id"]) for i, schema in enumerate(schemas)], context, schemas=schemas)


def nested(interface, telemetry, property_, context):
    """Every schema in every other."""
    enums = [{"@type": "Enum", "valueSchema": "string", "enumValues": [{"name": "on", "enumValue": "1"}, {"name": "On", "enumValue": "01"}]},
             {"@type": "Enum", "valueSchema": "integer", "enumValues": [{"name": "a", "enumValue": -1}, {"name": "b", "enumValue": 255}]}]
    inner = PRIMITIVES[4] + GEO + ["scaledDecimal"] + enums
    wraps = [lambda s: {"@type": "Array", "elementSchema": s},
             lambda s: {"@type": "Map", "mapKey": {"name": "k", "schema": "string"}, "mapValue": {"name": "v", "schema": s}},
             lambda s: {"@type": "Object", "fields": [{"name": "f", "schema": s}, {"@type": ["Field", "Required"], "name": "g", "schema": s}]}]
    once = [wrap(schema) for wrap in wraps for schema in inner]
    twice = [wrap(schema) for wrap in wraps for schema in once[::3]]
    thrice = [wrap(schema) for wrap in wraps for schema in twice[::5]]
    for name, schemas in (("once", once), ("twice", twice), ("thrice", thrice)):
        yield f"nested_{name}_telemetry", interface("Nested", [telemetry(f"t{i}", schema) for i, schema in enumerate(schemas)], context)
        yield f"nested_{name}_writable", interface("Nested", [property_(f"p{i}", schema, writable=True) for i, schema in enumerate(schemas)], context)
        yield f"nested_{name}_commands", interface("Nested", [{"@type": "Command", "name": f"c{i}", "request": {"name": "r", "schema": schema}, "response": {
            "name": "r", "schema": schema, "nullable": i % 2 == 0}} for i, schema in enumerate(schemas)], context)


def inherited(interface, telemetry, context):
    bases = [interface(f"Base{i}", [telemetry(f"t{i}", {"@type": "Array", "elementSchema": "double"})], context) for i in range(1023)]
    levels = []
    for at in range(0, 1023, 128):
        levels.append(interface(f"Level{at}", [], context, extends=[base["@id"] for base in bases[at:at + 128]]))
    top = interface("Top", [telemetry("own", "string")], context, extends=[level["@id"] for level in levels])
    yield "bases1000", [top] + levels + bases[:1023 - len(levels)] + bases[1023 - len(levels):] if len(levels) + 1023 <= 1024 else [
        {**top, "extends": [level["@id"] for level in levels[:-1]]}] + levels[:-1] + bases[:896]
    a = interface("A", [telemetry("a", {"@type": "Object", "fields": [{"name": "x", "schema": "double"}]})], context)
    b = interface("B", [telemetry("b", "double")], context, extends=a["@id"])
    c = interface("C", [telemetry("c", "double")], context, extends=[a["@id"]])
    d = interface("D", [], context, extends=[b["@id"], c["@id"]])
    host = interface("Host", [{"@type": "Component", "name": name, "schema": part["@id"]} for name, part in (("one", d), ("two", d), ("three", a), ("A", b))],
                     context, extends=[d["@id"]])
    yield "diamond", [host, a, b, c, d]


def units(interface, property_, telemetry):
    for version, most in ((3, 1), (4, 2)):
        context = {"@context": [f"dtmi:dtdl:context;{version}", f"dtmi:dtdl:extension:quantitativeTypes;{most}"]}
        units = ["TemperatureUnit", "AccelerationUnit", "DataRateUnit", "LengthUnit", "Unitless"]
        yield f"units{version}", interface("Units", [property_(f"u{i}", unit, writable=True) for i, unit in enumerate(units)] + [telemetry("again", "LengthUnit")], context)


def central(m):
    contents = [
        {"@type": ["Property", "Cloud", "StringValue"], "name": "customer", "schema": "string", "minLength": 1},
        {"@type": ["Property", "Initialized", "NumberValue"], "name": "target", "schema": "double", "writable": True, "minValue": -40, "maxValue": 85.5, "decimalPlaces": 2, "initialValue": 21.5},
        {"@type": ["Property", "Initialized"], "name": "on", "schema": "boolean", "writable": True, "initialValue": True},
        {"@type": ["Property", "Initialized"], "name": "greeting", "schema": "string", "writable": True, "initialValue": "a \"b\" */ \\ ??/ \u00e9"},
        {"@type": ["Property", "Initialized"], "name": "count", "schema": "long", "writable": True, "initialValue": 9007199254740993},
        {"@type": ["Property", "Initialized"], "name": "when", "schema": "dateTime", "writable": True, "initialValue": "2024-02-29T00:00:00Z"},
        {"@type": ["Property", "StringValue"], "name": "short", "schema": "string", "writable": True, "minLength": 2, "maxLength": 3},
        {"@type": ["Property", "NumberValue"], "name": "level", "schema": "integer", "writable": True, "minValue": -2147483648, "maxValue": 2147483647},
        {"@type": ["Telemetry", "State"], "name": "state", "schema": {"@type": "Enum", "valueSchema": "integer", "enumValues": [{"name": "ok", "enumValue": 0}]}},
        {"@type": ["Telemetry", "Location"], "name": "place", "schema": "geopoint"},
        {"@type": ["Property", "Location"], "name": "home", "schema": "geopoint", "writable": True},
        {"@type": ["Telemetry", "AccelerationVector"], "name": "force", "schema": "vector", "unit": "gForce"},
        {"@type": ["Telemetry", "Event"], "name": "event", "schema": "string"},
        {"@type": "Command", "name": "later", "durable": True, "request": {"name": "r", "schema": "string"}},
        {"@type": "Command", "name": "nothing", "durable": True},
    ]
    yield "central", {"@id": "dtmi:modelDefinition:abc:def", "@type": ["ModelDefinition", "DeviceModel"], "@context": ["dtmi:iotcentral:context;2", "dtmi:dtdl:context;2"],
                      "displayName": "Template", "capabilityModel": {"@id": "dtmi:com:example:central:Thing;1", "@type": "Interface", "displayName": "*/", "contents": contents}}


def write(folder, count, seed):
    folder.mkdir(parents=True, exist_ok=True)
    todo = list(fixed()) + [(f"random{seed + at}", Maker(seed + at, 2 + at % 3).model()) for at in range(count)]
    with (folder / "index.jsonl").open("w") as index:
        for name, model in todo:
            (folder / f"{name}.json").write_text(json.dumps(model))
            case = {"file": f"{name}.json", "name": name, "group": "adversarial", "valid": True, "undefined_extensions": "default",
                    "main_only": name == "bases1000"}
            index.write(json.dumps(case) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=100, help="of random models")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    write(options.folder, options.count, options.seed)


if __name__ == "__main__":
    main()
