"""Our own: the native transport, the one on paho, and the floor below both."""
from clients import Client


def clients(bench):
    programs = (("native", "bench_client", ["--transport", "native"], 500000),
                ("paho", "bench_client_paho", ["--transport", "paho"], 100000),
                ("floor", "bench_floor", [], 500000))
    return [Client(name, [bench.program(program)] + options, messages)
            for name, program, options, messages in programs if bench.program(program)]
