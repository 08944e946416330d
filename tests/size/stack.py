"""The deepest stack of each public call: frames as the compiler states them (-fcallgraph-info), summed over the graph of
calls. Calls through pointers go where tests/size/indirect says; a function that calls itself, by whatever way, fails."""
import re
import subprocess
from pathlib import Path

NODE = re.compile(r'^node: \{ title: "([^"]+)" label: "([^"]*)"')
EDGE = re.compile(r'^edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"(?: label: "([^"]+):(\d+):(\d+)")?')
FRAME = re.compile(r"\\n(\d+) bytes \((static|dynamic|dynamic,bounded)\)")
INDIRECT = "__indirect_call"


class Trouble(Exception):
    """A sentence about what makes the sum worthless."""


class Graph:
    def __init__(self):
        self.frames, self.calls = {}, {}

    def add(self, name, frame):
        self.frames[name] = max(frame, self.frames.get(name, 0))
        self.calls.setdefault(name, set())


def short(title):
    """queue/queue.c:drop of a static function, spoke_client_poll of another; clones count as what they were made of."""
    title = re.sub(r"\.(isra|part|constprop|cold)(\.\d+)?", "", title)
    return title[title.rindex("/src/") + len("/src/"):] if "/src/" in title else title


def pointers_at(path, line, column):
    """ops.open of a statement with the call c->ops->open(...); of one with several calls through pointers, all."""
    text = "\n".join(Path(path).read_text().splitlines()[int(line) - 1:])[int(column) - 1:].partition(";")[0]
    called = re.findall(r"\w+(?:(?:->|\.|\[\w+\])+\w+)+(?=\()", text) or re.findall(r"^\w+(?=\()", text)
    if not called:
        raise Trouble(f"{path}:{line}:{column}: no call through a pointer can be read there")
    return {".".join(chain.replace("->", ".").split(".")[-2:]) for chain in called}


def read_compiler(graph, paths):
    for path in paths:
        for line in path.read_text().splitlines():
            if match := NODE.match(line):
                frame = FRAME.search(match.group(2))
                if frame and frame.group(2) == "dynamic":
                    raise Trouble(f"{short(match.group(1))}: the size of its frame is only known when it runs")
                if frame:
                    graph.add(short(match.group(1)), int(frame.group(1)))
            elif match := EDGE.match(line):
                targets = {short(match.group(2))}
                if INDIRECT in targets:
                    targets = {f"*{name}" for name in pointers_at(*match.groups()[2:])}
                graph.calls.setdefault(short(match.group(1)), set()).update(targets)


def registers(operands):
    """How many a push saves: {r4-r7, lr}."""
    count = 0
    for part in re.search(r"\{(.*)\}", operands).group(1).split(","):
        ends = part.strip().split("-")
        number = [{"sl": 10, "fp": 11, "ip": 12, "sp": 13, "lr": 14, "pc": 15}.get(end) or int(end[1:]) for end in ends]
        count += number[-1] - number[0] + 1
    return count


def read_machine_code(graph, elf):
    """What the compiler's notes lack, the C library, from its instructions: every push counts."""
    noted = {name.split(":")[-1] for name in graph.frames}
    text = subprocess.run(["arm-none-eabi-objdump", "-d", "--no-show-raw-insn", elf], capture_output=True, text=True,
                          check=True).stdout
    for name, body in re.findall(r"^[0-9a-f]+ <([^>]+)>:\n((?: .*\n)+)", text, re.M):
        if short(name) in noted:
            continue
        frame = sum(4 * registers(operands) for operands in re.findall(r"\t(?:push|stmdb\tsp!,)\s*(.*)", body))
        frame += sum(int(size) for size in re.findall(r"\tsub(?:\.w)?\tsp, (?:sp, )?#(\d+)", body))
        frame += sum(int(size) for size in re.findall(r"\[sp, #-(\d+)\]!", body))
        graph.add(name, frame)
        targets = re.findall(r"\tb(?:l|\.w|\.n)?\t[0-9a-f]+ <([^>+]+)>", body)
        graph.calls[name].update(target for target in targets if target != name)
        if re.search(r"\tblx\tr", body):
            graph.calls[name].add(f"*{name}")


def resolve(graph, table):
    """Puts what a pointer may lead to in its place. A target in capitals is what the program or the machine brings, and
    counts for nothing here; one behind '?' counts where it is built."""
    for caller, targets in graph.calls.items():
        for pointer in [target for target in targets if target.startswith("*")]:
            if pointer[1:] in table:
                targets.discard(pointer)
                targets.update(target.lstrip("?") for target in table[pointer[1:]] if not target.isupper() and
                               (not target.startswith("?") or target[1:] in graph.frames))


def read_table(path):
    table = {}
    for line in path.read_text().splitlines():
        caller, colon, targets = line.split("#")[0].partition(": ")
        if colon:
            table[caller.strip()] = targets.split()
    return table


def depth(graph, name, known, way=()):
    """Bytes from the entry into `name` to the deepest point below it."""
    if name in way:
        raise Trouble("it calls itself: " + " > ".join([*way[way.index(name):], name]))
    if name.startswith("*"):
        raise Trouble(f"{way[-1]} calls through {name[1:]}, and tests/size/indirect does not say where that leads")
    if name not in known:
        if name not in graph.frames:
            raise Trouble(f"nothing is known of {name}, which {way[-1] if way else 'a probe'} calls")
        below = [depth(graph, target, known, (*way, name)) for target in sorted(graph.calls[name])]
        known[name] = graph.frames[name] + max(below, default=0)
    return known[name]


def deepest(graph, name, known):
    """The calls of the deepest way down."""
    way = [name]
    while graph.calls[way[-1]]:
        way.append(max(sorted(graph.calls[way[-1]]), key=lambda target: known[target]))
    return way


def measure(objects, elf, roots, table):
    """{root: bytes}, and the ways there."""
    graph = Graph()
    read_compiler(graph, [path.with_suffix(".ci") for path in objects])
    read_machine_code(graph, elf)
    resolve(graph, table)
    known = {}
    return ({root: depth(graph, root, known) for root in roots},
            {root: deepest(graph, root, known) for root in roots})
